"""What two or more services need: nothing enters before its second caller."""

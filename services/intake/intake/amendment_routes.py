"""Saying more about a concern, and asking whether others may be told."""

from fastapi import APIRouter

router = APIRouter(prefix="/v1")

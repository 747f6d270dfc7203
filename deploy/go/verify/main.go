// Verifies the audit log with Go's own implementation of notes and tree heads, and none of ours.
//
//	verify log URL VKEY [OLD_CHECKPOINT_FILE]   the whole log; HANDRAIL_TOKEN for its entries
//	verify proof FILE VKEY                      one .tlog-proof that holds its entry
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "NOT VERIFIED:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) >= 3 && args[0] == "log":
		return verifyLog(args[1], args[2], args[3:])
	case len(args) == 3 && args[0] == "proof":
		return verifyProof(args[1], args[2])
	}
	return errors.New("say: log URL VKEY [OLD_CHECKPOINT], or proof FILE VKEY")
}

// openCheckpoint gives the tree that the log's key has signed.
func openCheckpoint(data []byte, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("the checkpoint is another log's")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func verifyLog(url, vkey string, rest []string) error {
	data, err := get(url + "/checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(data, vkey)
	if err != nil {
		return err
	}
	// Every hash that this reader gives was checked against the tree's root on its way.
	hashes := tlog.TileHashReader(tree, &tiles{url, map[tlog.Tile][]byte{}})
	if len(rest) == 1 {
		if err := verifyGrowth(rest[0], vkey, tree, hashes); err != nil {
			return err
		}
	}
	if os.Getenv("HANDRAIL_TOKEN") == "" {
		_, err := tlog.TreeHash(tree.N, hashes)
		fmt.Printf("verified the hashes of %d entries\n", tree.N)
		return err
	}
	for at := int64(0); at < tree.N; at += 1 << height {
		if err := verifyBundle(url, at, tree, hashes); err != nil {
			return err
		}
	}
	fmt.Printf("verified %d entries\n", tree.N)
	return nil
}

func verifyGrowth(file, vkey string, tree tlog.Tree, hashes tlog.HashReader) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	old, err := openCheckpoint(data, vkey)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

func verifyBundle(url string, first int64, tree tlog.Tree, hashes tlog.HashReader) error {
	width := min(1<<height, tree.N-first)
	tile := tlog.Tile{H: height, L: 0, N: first >> height, W: int(width)}
	bundle, err := get(url + strings.Replace(path(tile), "tile/0/", "tile/entries/", 1))
	if err != nil {
		return err
	}
	for at := first; at < first+width; at++ {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return fmt.Errorf("the bundle ends before entry %d", at)
		}
		length := int(binary.BigEndian.Uint16(bundle))
		entry := bundle[2 : 2+length]
		bundle = bundle[2+length:]
		proof, err := tlog.ProveRecord(tree.N, at, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, at, tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %w", at, err)
		}
	}
	if len(bundle) > 0 {
		return errors.New("a bundle holds more than its entries")
	}
	return nil
}

func verifyProof(file, vkey string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, checkpoint, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("it is no tlog-proof that holds its entry")
	}
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint([]byte(checkpoint), vkey)
	if err != nil {
		return err
	}
	fmt.Printf("verified entry %d of %d\n", index, tree.N)
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

// tiles keeps what was checked: neighbouring entries share all but their lowest tile.
type tiles struct {
	url  string
	kept map[tlog.Tile][]byte
}

func (t *tiles) Height() int { return height }

func (t *tiles) SaveTiles(checked []tlog.Tile, data [][]byte) {
	for i, tile := range checked {
		t.kept[tile] = data[i]
	}
}

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for i, tile := range wanted {
		if data, ok := t.kept[tile]; ok {
			found[i] = data
			continue
		}
		data, err := get(t.url + path(tile))
		if err != nil {
			return nil, err
		}
		found[i] = data
	}
	return found, nil
}

// path is the tile's place in the tlog-tiles format, which leaves the height out.
func path(tile tlog.Tile) string {
	return "/" + strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
}

func get(url string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if token := os.Getenv("HANDRAIL_TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", url, answer.StatusCode)
	}
	return io.ReadAll(answer.Body)
}

// Sumdb checks what a log serves with code that is not ours: golang.org/x/mod/sumdb, which the Go checksum
// database runs on.
//
//	sumdb VKEY FOLDER
//
// The folder holds what the log serves, at the same paths: "checkpoint", files under "tile/", and any number of
// "proof/inclusion*" and "proof/consistency*". It prints a line for each thing that holds, and ends with status 1
// at the first that does not.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A store holds the hashes of all full subtrees, recomputed from the leaf hashes in the tiles of level 0.
// (tlog.TileHashReader reads tiles too, but in Debian 12's version 0.7.0 it leaves some full ones unchecked.)
type store []tlog.Hash

func (s store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		if index >= int64(len(s)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		found = append(found, s[index])
	}
	return found, nil
}

func main() {
	if len(os.Args) != 3 {
		fail("usage: sumdb VKEY FOLDER")
	}
	folder := os.Args[2]
	tree := openCheckpoint(os.Args[1], filepath.Join(folder, "checkpoint"))
	stored := checkTiles(tree, folder)
	for _, path := range matching(folder, "inclusion*") {
		checkInclusion(path, tree, stored)
	}
	for _, path := range matching(folder, "consistency*") {
		checkConsistency(path, tree, stored)
	}
}

func openCheckpoint(vkey, path string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	check("verifier key", err)
	signed, err := os.ReadFile(path)
	check("checkpoint", err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check("checkpoint", err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("checkpoint: not of three lines, or of another log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check("size", err)
	root, err := tlog.ParseHash(lines[2])
	check("root", err)
	fmt.Printf("checkpoint %d %s\n", size, base64.StdEncoding.EncodeToString(root[:]))
	return tlog.Tree{N: size, Hash: root}
}

// CheckTiles recomputes the root of the checkpoint from the tiles of level 0, and from them every other tile.
// Files that are no tiles of this tree are refused.
func checkTiles(tree tlog.Tree, folder string) store {
	var hashes store
	tiles := map[string]bool{}
	for _, tile := range tlog.NewTiles(8, 0, tree.N) { // level by level, from 0 on
		if tile.W < 256 && tree.N>>(8*tile.L) != tile.N<<8+int64(tile.W) {
			continue // of a smaller tree
		}
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1) // sumdb's paths say the height as well
		data, err := os.ReadFile(filepath.Join(folder, path))
		check("tile", err)
		if len(data) != tile.W*tlog.HashSize {
			fail(path + ": wrong length")
		}
		if tile.L == 0 {
			hashes = add(hashes, tile, data)
		} else {
			expected, err := tlog.ReadTileData(tile, hashes)
			check(path, err)
			if !bytes.Equal(expected, data) {
				fail(path + ": not the hashes of the tiles below")
			}
		}
		tiles[path] = true
	}
	root, err := tlog.TreeHash(tree.N, hashes)
	check("tiles", err)
	if root != tree.Hash {
		fail("tiles: not the root of the checkpoint")
	}
	check("tiles", filepath.Walk(filepath.Join(folder, "tile"), func(path string, info os.FileInfo, err error) error {
		name, _ := filepath.Rel(folder, path)
		if err == nil && !info.IsDir() && !tiles[name] {
			return fmt.Errorf("%s is no tile of this tree", name)
		}
		return err
	}))
	fmt.Printf("tiles %d\n", len(tiles))
	return hashes
}

func add(hashes store, tile tlog.Tile, data []byte) store {
	for at := 0; at < tile.W; at++ {
		var leaf tlog.Hash
		copy(leaf[:], data[at*tlog.HashSize:])
		more, err := tlog.StoredHashesForRecordHash(tile.N<<8+int64(at), leaf, hashes)
		check("leaf", err)
		hashes = append(hashes, more...)
	}
	return hashes
}

func checkInclusion(path string, tree tlog.Tree, stored store) {
	var proof struct {
		Index    int64    `json:"index"`
		Size     int64    `json:"size"`
		LeafHash string   `json:"leaf_hash"`
		Hashes   []string `json:"hashes"`
	}
	parse(path, &proof)
	leaf := hash(path, proof.LeafHash)
	root := root(path, proof.Size, tree, stored)
	check(path, tlog.CheckRecord(hashes(path, proof.Hashes), proof.Size, root, proof.Index, leaf))
	fmt.Printf("inclusion %d in %d\n", proof.Index, proof.Size)
}

func checkConsistency(path string, tree tlog.Tree, stored store) {
	var proof struct {
		First  int64    `json:"first"`
		Second int64    `json:"second"`
		Hashes []string `json:"hashes"`
	}
	parse(path, &proof)
	first, second := root(path, proof.First, tree, stored), root(path, proof.Second, tree, stored)
	check(path, tlog.CheckTree(hashes(path, proof.Hashes), proof.Second, second, proof.First, first))
	fmt.Printf("consistency %d to %d\n", proof.First, proof.Second)
}

// Root is that of an older tree, out of the tiles of the one that the checkpoint speaks of.
func root(path string, size int64, tree tlog.Tree, stored store) tlog.Hash {
	if size < 1 || size > tree.N {
		fail(fmt.Sprintf("%s: no tree of %d", path, size))
	}
	root, err := tlog.TreeHash(size, stored)
	check(path, err)
	return root
}

func matching(folder, pattern string) []string {
	paths, err := filepath.Glob(filepath.Join(folder, "proof", pattern))
	check(pattern, err)
	return paths
}

func parse(path string, into interface{}) {
	data, err := os.ReadFile(path)
	check(path, err)
	check(path, json.Unmarshal(data, into))
}

func hashes(path string, texts []string) []tlog.Hash {
	var all []tlog.Hash
	for _, text := range texts {
		all = append(all, hash(path, text))
	}
	return all
}

func hash(path, text string) (found tlog.Hash) {
	data, err := hex.DecodeString(text)
	check(path, err)
	if copy(found[:], data) != tlog.HashSize || len(data) != tlog.HashSize {
		fail(path + ": a hash does not have 32 bytes")
	}
	return found
}

func check(what string, err error) {
	if err != nil {
		fail(fmt.Sprintf("%s: %v", what, err))
	}
}

func fail(reason string) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}

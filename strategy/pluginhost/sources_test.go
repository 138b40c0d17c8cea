package pluginhost_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// version is a source of the hostile plugin that says that it is of a version.
func version(v, says string) pluginhost.Source {
	return pluginhost.Source{Name: "hostile", Version: v, Path: binary, Args: []string{"serve", says}}
}

func TestVersionsOfOneNameRunSideBySide(t *testing.T) {
	t.Parallel()
	host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{version("1.0.0", "1.0.0")}})
	first, err := host.Process(t.Context(), "hostile@1.0.0", "shared")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice the same changes nothing
		if err := host.Add(version("2.0.0", "2.0.0")); err != nil {
			t.Fatal(err)
		}
	}
	second, err := host.Process(t.Context(), "hostile@2.0.0", "shared")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := first.Manifest().Version, second.Manifest().Version; a != "1.0.0" || b != "2.0.0" || first.ID() == second.ID() {
		t.Errorf("the versions are %s and %s", a, b)
	}
	alone, err := host.Start(t.Context(), "hostile@2.0.0")
	if err != nil {
		t.Fatal(err)
	}
	open(t, second, input(""))
	var running []string
	for _, r := range host.Running() {
		if r.Started.IsZero() {
			t.Errorf("%s began at no time", r.Name)
		}
		running = append(running, fmt.Sprintf("%s %q %s %d", r.Name, r.Share, r.ID, r.Bots))
	}
	want := []string{`hostile@1.0.0 "shared" ` + first.ID() + " 0", `hostile@2.0.0 "" ` + alone.ID() + " 0", `hostile@2.0.0 "shared" ` + second.ID() + " 1"}
	if !slices.Equal(running, want) {
		t.Errorf("there run %q, want %q", running, want)
	}
	alone.Stop()
	if n := len(host.Running()); n != 2 {
		t.Errorf("%d run after one ended", n)
	}
	var keys []string
	for _, item := range host.Catalog(t.Context()) {
		keys = append(keys, item.Name)
	}
	if !slices.Equal(keys, []string{"hostile@1.0.0", "hostile@2.0.0"}) {
		t.Errorf("the catalog has %v", keys)
	}
	if err := host.Add(version("2.0.0", "3.0.0")); err == nil || !strings.Contains(err.Error(), "another source") {
		t.Errorf("another source of a known key gave %v", err)
	}
	if err := host.Add(pluginhost.Source{Name: "a@b", Path: "x"}); err == nil || !strings.Contains(err.Error(), "must have no @") {
		t.Errorf("a name like a key gave %v", err)
	}

	host.Remove("hostile@1.0.0")
	host.Remove("hostile@1.0.0")
	if !errors.Is(first.Err(), &pluginhost.Error{Kind: pluginhost.Stopped}) {
		t.Errorf("the process of a removed source is over by %v", first.Err())
	}
	if _, err := host.Process(t.Context(), "hostile@1.0.0", "shared"); !errors.Is(err, &pluginhost.Error{Kind: pluginhost.NotFound}) {
		t.Errorf("a removed source gave %v", err)
	}
	if err := second.Live(t.Context(), candle(0, open(t, second, input(""))...)); err != nil {
		t.Errorf("the other version is disturbed: %v", err)
	}
	if err := host.Add(version("1.0.0", "1.0.0")); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Process(t.Context(), "hostile@1.0.0", "shared"); err != nil {
		t.Errorf("a source that came back gave %v", err)
	}
}

// proves PL5
func TestManifestOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{version("1.0.0", "1.0.1")}})
	_, err := host.Process(t.Context(), "hostile@1.0.0", "shared")
	var fault *pluginhost.Error
	if !errors.As(err, &fault) || fault.Kind != pluginhost.Garbage || !strings.Contains(err.Error(), `plugin hostile@1.0.0: garbage: its manifest says that it is version "1.0.1"`) {
		t.Errorf("it gave %v", err)
	}
}

func TestInspectTellsOfAFileThatIsNoSource(t *testing.T) {
	t.Parallel()
	host := newHost(t, pluginhost.Config{})
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	item, err := host.Inspect(t.Context(), binary)
	if sum := sha256.Sum256(content); err != nil || item.SHA256 != hex.EncodeToString(sum[:]) || item.Manifest.Name != "hostile" || item.Manifest.Version != "1.0.0" {
		t.Errorf("it tells %+v, %v", item, err)
	}
	if len(host.Catalog(t.Context())) != 0 {
		t.Error("the file has become a source")
	}
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	var fault *pluginhost.Error
	if _, err := host.Inspect(t.Context(), plain); !errors.As(err, &fault) || fault.Kind != pluginhost.Handshake || fault.Plugin != "plain" {
		t.Errorf("what is no plugin gave %v", err)
	}
	if _, err := host.Inspect(t.Context(), plain+"s"); !errors.As(err, &fault) || fault.Kind != pluginhost.Start {
		t.Errorf("what is not there gave %v", err)
	}
}

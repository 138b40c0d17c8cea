package pluginhost_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// proves PL5
func TestPluginsThatDoNotStart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		mode string
		kind pluginhost.Kind
		text string
	}{
		{"crash", pluginhost.Handshake, "panic: boom at start"},
		{"hang", pluginhost.Timeout, "did not start in time"},
		{"garbage", pluginhost.Garbage, `it printed "hello, I am a plugin" instead of the handshake: its main has to call plugin.Serve, and to print nothing before`},
		{"empty", pluginhost.Handshake, "it ended before it served: exit status 0: does its main call plugin.Serve?"},
		{"endless", pluginhost.Garbage, "garbage without an end"},
		{"newer", pluginhost.Protocol, "it speaks protocol 7 and this host 1: upgrade the host"},
		{"older", pluginhost.Protocol, "it speaks protocol 0 and this host 1: build it with a newer SDK"},
		{"netrpc", pluginhost.Protocol, "does not speak gRPC"},
		{"elsewhere", pluginhost.Handshake, "outside its own directory"},
		{"mute", pluginhost.Handshake, "asking for the manifest"},
		{"family", pluginhost.Handshake, "panic: boom with a child"},
		{"impostor", pluginhost.Garbage, `its manifest says that it is "other"`},
	}
	for _, test := range tests {
		t.Run(test.mode, func(t *testing.T) {
			t.Parallel()
			host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{hostile(test.mode)}, StartTimeout: 3 * time.Second})
			begin := time.Now()
			_, err := host.Process(t.Context(), "hostile", "shared")
			wantKind(t, err, test.kind, test.text)
			if took := time.Since(begin); took > 8*time.Second {
				t.Errorf("it took %s to find out", took)
			}
		})
	}
}

// A caller whose time is over while a plugin starts is told so, not that the plugin ended,
// which was killed for it.
func TestAStartThatTheCallerGivesUp(t *testing.T) {
	t.Parallel()
	host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{hostile("hang")}, BreakAfter: 1, BreakFor: time.Hour})
	for range 2 { // it does not rest for that
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if _, err := host.Process(ctx, "hostile", "shared"); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "it ended before") {
			t.Errorf("it got %v, want its own deadline", err)
		}
		cancel()
	}
}

// proves PL5: what keeps failing rests, and says for how long and why; nobody waits for
// it meanwhile, and afterwards it is tried once.
func TestWhatKeepsFailingRests(t *testing.T) {
	t.Parallel()
	var passed atomic.Int64
	host := newHost(t, pluginhost.Config{
		Sources: []pluginhost.Source{hostile("crash")}, BackoffMin: time.Millisecond, BackoffMax: 2 * time.Millisecond, BreakAfter: 3, BreakFor: time.Hour,
		Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) },
	})
	try := func() error {
		_, err := host.Process(t.Context(), "hostile", "shared")
		return err
	}
	for range 3 {
		wantKind(t, try(), pluginhost.Handshake, "panic: boom at start")
	}
	for range 2 {
		wantKind(t, try(), pluginhost.Broken, "it failed 3 times in a row and is not started before ")
		wantKind(t, try(), pluginhost.Broken, "panic: boom at start")
	}
	if _, err := host.Process(t.Context(), "hostile", "other"); errors.Is(err, &pluginhost.Error{Kind: pluginhost.Broken}) {
		t.Errorf("another process rests, too: %v", err)
	}
	passed.Add(int64(time.Hour + time.Second))
	wantKind(t, try(), pluginhost.Handshake, "panic: boom at start")
	wantKind(t, try(), pluginhost.Broken, "it failed 4 times in a row")
}

func TestUnknownStrategyIsNotFound(t *testing.T) {
	t.Parallel()
	host := newHost(t, pluginhost.Config{})
	_, err := host.Process(t.Context(), "hostile", "shared")
	wantKind(t, err, pluginhost.NotFound, "no strategy of this name")
}

func TestFilesThatCannotBeStarted(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	plain := filepath.Join(directory, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"missing": filepath.Join(directory, "missing"), "not executable": plain} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{{Name: "hostile", Path: path}}})
			_, err := host.Process(t.Context(), "hostile", "shared")
			wantKind(t, err, pluginhost.Start, path)
		})
	}
}

// A file that the system does not start is told apart from a sandbox that does not
// close, and is said what it is.
func TestScriptsAreNoPrograms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, want string }{
		"script": {"#!/bin/sh\nexit 0\n", "it is a script"},
		"text":   {"no program", `it begins with "no program"`},
		"empty":  {"", "the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte(c.content), 0o700); err != nil {
				t.Fatal(err)
			}
			host := boxed(t, pluginhost.Config{Sources: []pluginhost.Source{{Name: "hostile", Path: path}}})
			_, err := host.Process(t.Context(), "hostile", "shared")
			wantKind(t, err, pluginhost.Start, "no program that this system can start, but a script or one for another system: running "+path)
			wantKind(t, err, pluginhost.Start, c.want)
		})
	}
}

// A program for another system is said which it is for, and how to build it for this one.
func TestProgramsForOtherSystemsAreToldApart(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		machine.Missing(t, "a program for Linux", errors.New("the file is made of one"))
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	content[18] ^= 0xff // the machine in the header of an ELF file
	directory := t.TempDir()
	for name, system := range map[string]string{"other": "GOOS=plan9", "shown": "GOOS=\x1b[2Jx"} {
		file := bytes.ReplaceAll(content, []byte("GOOS=linux"), []byte(system))
		if err := os.WriteFile(filepath.Join(directory, name), file, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// What a stranger's file says of itself steers nobody's terminal.
	shown := newHost(t, pluginhost.Config{})
	if _, err := shown.Inspect(t.Context(), filepath.Join(directory, "shown")); err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("of one that names no system it says %v", err)
	}
	path := filepath.Join(directory, "other")
	source := pluginhost.Source{Name: "hostile", Path: path}
	for name, host := range map[string]*pluginhost.Host{
		"shut in":     boxed(t, pluginhost.Config{Sources: []pluginhost.Source{source}}),
		"not shut in": newHost(t, pluginhost.Config{Sources: []pluginhost.Source{source}}),
	} {
		_, err := host.Process(t.Context(), "hostile", "shared")
		want := "it is built for plan9/" + runtime.GOARCH + " and this host runs on linux/" + runtime.GOARCH + ": build it with GOOS=linux"
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: it gave %v, want %q", name, err, want)
			continue
		}
		wantKind(t, err, pluginhost.Start, want)
	}
}

// proves PL5
func TestChangedFileIsNotStarted(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hostile")
	if err := os.WriteFile(path, content, 0o700); err != nil {
		t.Fatal(err)
	}
	host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{{Name: "hostile", Path: path, Args: []string{"serve"}}}})
	item := host.Catalog(t.Context())[0]
	if item.Err != nil || len(item.SHA256) != 64 || item.Manifest.Name != "hostile" {
		t.Fatalf("the catalog has %+v", item)
	}
	if err := os.WriteFile(path, append(content, 0), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = host.Process(t.Context(), "hostile", "shared")
	wantKind(t, err, pluginhost.Tampered, item.SHA256)

	pinned := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{{Name: "hostile", Path: path, SHA256: item.SHA256}}})
	_, err = pinned.Process(t.Context(), "hostile", "shared")
	wantKind(t, err, pluginhost.Tampered, item.SHA256)
}

func TestConfigNamesAllProblems(t *testing.T) {
	t.Parallel()
	_, err := pluginhost.New(pluginhost.Config{
		CallTimeout: -1, LogRate: -1, Sources: []pluginhost.Source{{Name: "a", Path: "x"}, {Name: "a", Path: "y"}, {Name: "b"}, {Name: "c", Path: "z", SHA256: "abc"}},
	})
	for _, want := range []string{"CallTimeout", "LogRate", `two sources named "a"`, `source "b" needs`, `SHA-256 of source "c"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want it to say %q", err, want)
		}
	}
}

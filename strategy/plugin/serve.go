package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	hclog "github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// Serve is the whole main of a plugin. Started by a host it serves the strategy
// until the host lets go; started by a person it explains itself, prints the
// manifest (-describe) or the version (-version) and exits, or serves to a host
// that attaches to it (-debug).
func Serve(def strategy.Definition) {
	if n := len(def.Info().Guide); n > strategy.MaxGuide {
		fmt.Fprintf(os.Stderr, "the guide of %s (its README.md) has %d bytes, and hosts take %d: shorten it\n", def.Info().Name, n, strategy.MaxGuide)
		os.Exit(1)
	}
	if startedByHost() {
		serve(def)
		return
	}
	os.Exit(explain(def, os.Args[1:], os.Stdout, os.Stderr))
}

func startedByHost() bool {
	h := Handshake()
	return os.Getenv(h.MagicCookieKey) == h.MagicCookieValue
}

// liveGC is the collector's percentage while live bots are served: their calls leave little
// to collect, and what a bot takes is multiplied by it.
const liveGC = 50

// serve serves until the host closes the connection or is gone.
func serve(def strategy.Definition) {
	go exitWithHost(os.Stdin)
	debug.SetGCPercent(liveGC)
	memory, err := inheritedMemory()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	line, err := inheritedLine()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server := newServer(def)
	server.memory, server.lined = memory, line != nil
	if server.lined {
		go func() {
			if err := server.serveLine(line); errors.Is(err, wire.ErrMalformed) {
				fmt.Fprintln(os.Stderr, "[ERROR] what the host sends by the line:", err)
			}
		}()
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: Handshake(), VersionedPlugins: sets(adapter{server: server}), GRPCServer: newGRPCServer,
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: os.Stderr}),
	})
}

// exitWithHost ends the process when its standard input does. A host keeps the
// other end of that pipe open as long as it lives, so that even one that is
// killed leaves no plugin behind. Any other kind of input says nothing.
func exitWithHost(in *os.File) {
	info, err := in.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return
	}
	if _, err := io.Copy(io.Discard, in); err == nil {
		tidy()
		os.Exit(0)
	}
}

// tidy removes the directory that the host made for this process's socket,
// which nobody else is left to do.
func tidy() {
	sockets := os.Getenv(goplugin.EnvUnixSocketDir)
	if strings.HasPrefix(filepath.Base(sockets), "plugin-dir") {
		_ = os.RemoveAll(sockets)            //nolint:gosec // the host names it, and it can do so itself
		_ = os.Remove(filepath.Dir(sockets)) //nolint:gosec // the same, and only if nothing else is in it
	}
}

// explain answers a person and returns the exit code.
func explain(def strategy.Definition, args []string, out, problems io.Writer) int {
	info := def.Info()
	if len(args) == 1 {
		switch args[0] {
		case "-describe", "--describe":
			encoder := json.NewEncoder(out)
			encoder.SetIndent("", "  ")
			if err := encoder.Encode(ManifestOf(def)); err != nil {
				fmt.Fprintf(problems, "describing %s: %v\n", info.Name, err)
				return 1
			}
			return 0
		case "-version", "--version":
			fmt.Fprintf(out, "%s %s (sdk %s, protocol %d)\n", info.Name, info.Version, SDKVersion, Protocol)
			return 0
		case "-debug", "--debug":
			return serveDebug(context.Background(), def, out, problems)
		}
	}
	if len(args) > 0 && !helps(args) {
		fmt.Fprintf(problems, "%s is not among what it understands.\n\n", strings.Join(args, " "))
	}
	fmt.Fprintf(problems, `%s %s: %s

This is a strategy for Lunobot. It does not run by itself: a host starts it.
Try it with lunobot backtest --plugin FILE, check it with lunobot plugin check
FILE, and put it into a host with lunobot plugin install FILE.

  -describe   print its manifest and parameters as JSON
  -debug      serve to a host that attaches to it, so that a debugger can be used
  -version    print its version
`, info.Name, info.Version, summaryOf(info))
	if helps(args) {
		return 0
	}
	return 2
}

// helps reports whether a person asks what there is.
func helps(args []string) bool {
	return len(args) == 1 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help")
}

func summaryOf(info strategy.Info) string {
	if info.Summary != "" {
		return info.Summary
	}
	return info.Title
}

// Command hostile is a plugin that misbehaves in the way that its argument
// names, for the host's tests.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// params say what shall happen at a candle.
type params struct {
	At string `param:"at" validate:"oneof=nothing panic exit hang goroutine flood environment"`
}

// hostile is a strategy that does it.
type hostile struct {
	Params  params `json:"-"`
	Candles int
}

func (s *hostile) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	s.Candles++
	switch s.Params.At {
	case "panic":
		panic("boom in OnCandle")
	case "exit":
		os.Exit(3)
	case "hang":
		for {
			time.Sleep(time.Hour)
		}
	case "goroutine":
		go panic("boom in a goroutine")
		time.Sleep(time.Hour)
	case "flood":
		for range 2_000 {
			fmt.Println(strings.Repeat("flood ", 1000))
		}
	case "environment":
		for _, variable := range os.Environ() {
			name, _, _ := strings.Cut(variable, "=")
			b.Note("%s", name)
		}
	}
	b.Note("candle %d", s.Candles)
}

func definition(name string) strategy.Definition {
	version := "1.0.0"
	if len(os.Args) > 2 {
		version = os.Args[2]
	}
	return strategy.MustDefine(strategy.Info{Name: name, Version: version}, params{At: "nothing"},
		func(p params) strategy.Strategy { return &hostile{Params: p} })
}

func main() {
	mode := "serve"
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	socket := os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/x"
	switch mode {
	case "crash":
		panic("boom at start")
	case "hang":
		time.Sleep(time.Hour)
	case "garbage":
		fmt.Println("hello, I am a plugin")
		time.Sleep(time.Hour)
	case "endless":
		w := bufio.NewWriter(os.Stdout)
		for {
			_, _ = w.WriteString("garbage without an end ")
		}
	case "newer":
		fmt.Printf("1|7|unix|%s|grpc|\n", socket)
		time.Sleep(time.Hour)
	case "older":
		fmt.Printf("1|0|unix|%s|grpc|\n", socket)
		time.Sleep(time.Hour)
	case "netrpc":
		fmt.Printf("1|1|unix|%s|netrpc|\n", socket)
		time.Sleep(time.Hour)
	case "elsewhere":
		fmt.Println("1|1|unix|/run/elsewhere.sock|grpc|")
		time.Sleep(time.Hour)
	case "mute": // names a socket that nobody serves
		fmt.Printf("1|1|unix|%s|grpc|\n", socket)
		time.Sleep(time.Hour)
	case "family": // leaves a process behind that holds its output
		_ = exec.Command("/bin/sleep", "3600").Start() //nolint:gosec,noctx // that is the misdeed
		child := exec.Command("/bin/sleep", "3600")    //nolint:noctx // that is the misdeed
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		_ = child.Start()
		panic("boom with a child")
	case "impostor":
		plugin.Serve(definition("other"))
	default:
		plugin.Serve(definition("hostile"))
	}
}

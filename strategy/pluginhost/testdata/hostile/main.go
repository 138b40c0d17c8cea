// Command hostile is a plugin that misbehaves in the way that its argument
// names, for the host's tests.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// params say what shall happen at a candle.
type params struct {
	At string `param:"at" validate:"oneof=nothing panic exit hang goroutine flood environment slow chatter future endless deaf steady"`
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
	case "slow":
		time.Sleep(300 * time.Millisecond)
	case "steady": // most of a second for a block of candles, and never still
		if s.Candles%1024 == 0 {
			time.Sleep(100 * time.Millisecond)
		}
	case "chatter":
		onLine([]byte("an answer that is no frame"))
	case "future": // answers a round that nobody has begun
		onLine([]byte{99, 15: 0})
	case "endless": // promises more than there can be
		onLine([]byte{1, 8: 0xff, 9: 0xff, 10: 0xff, 11: 0xff, 15: 0})
	case "deaf": // lets go of the line
		_ = syscall.Shutdown(line(), syscall.SHUT_RDWR)
	case "environment":
		for _, variable := range os.Environ() {
			name, _, _ := strings.Cut(variable, "=")
			b.Note("%s", name)
		}
	}
	b.Note("candle %d", s.Candles)
}

// line is the descriptor of the line to the host.
func line() int {
	fd, err := strconv.Atoi(os.Getenv(plugin.LineVariable))
	if err != nil {
		panic(err)
	}
	return fd
}

// onLine says something by the line, before the process's own answer.
func onLine(text []byte) { _, _ = syscall.Write(line(), text) }

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
	case "empty":
		return
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
	case "without a line": // as one that was built before there were lines
		_ = os.Unsetenv(plugin.LineVariable)
		plugin.Serve(definition("hostile"))
	case "impostor":
		plugin.Serve(definition("other"))
	default:
		plugin.Serve(definition("hostile"))
	}
}

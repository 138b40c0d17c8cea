package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// The exit codes beside 0.
const (
	exitFailure     = 1
	exitInput       = 2
	exitInterrupted = 130
)

// console is what a command talks to.
type console struct {
	bundle   plugin.Bundle
	shim     sandbox.Shim
	in       io.Reader
	out      io.Writer
	problems io.Writer
}

// inputError is a problem that other input would not have.
type inputError struct{ err error }

func (e inputError) Error() string { return e.err.Error() }
func (e inputError) Unwrap() error { return e.err }

// interruptedError says what an interrupted command leaves behind.
type interruptedError struct{ text string }

func (e interruptedError) Error() string { return e.text }

// input returns an error about what the user gave.
func input(format string, args ...any) error { return inputError{fmt.Errorf(format, args...)} }

// reasonOf returns why a file cannot be used, without its name.
func reasonOf(err error) error {
	var where *fs.PathError
	if errors.As(err, &where) {
		return where.Err
	}
	return err
}

// fail says what went wrong, if anything, and returns the exit code for it.
func (c *console) fail(err error) int {
	var wrong inputError
	var stopped interruptedError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &stopped):
		fmt.Fprintln(c.problems, "lunobot: interrupted;", stopped.text)
		return exitInterrupted
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(c.problems, "lunobot: interrupted; no file was written")
		return exitInterrupted
	}
	fmt.Fprintln(c.problems, "lunobot:", err)
	if errors.As(err, &wrong) {
		return exitInput
	}
	return exitFailure
}

// terminal reports whether somebody watches the stream.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// host returns a plugin host; it says if strangers are not shut in wholly.
func (c *console) host(ctx context.Context, sources ...pluginhost.Source) (*pluginhost.Host, error) {
	host, err := pluginhost.New(pluginhost.Config{Sources: sources, Shim: c.shim})
	if err != nil {
		return nil, err
	}
	if status := host.Sandbox(ctx); !status.Whole() {
		fmt.Fprintf(c.problems, "lunobot: strategies are not shut in wholly here: the sandbox is %s. Run none that you do not trust.\n", status)
	}
	return host, nil
}

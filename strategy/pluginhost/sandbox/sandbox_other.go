//go:build !linux

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
)

// Serve makes this process the program that it was started for, shut in, if it
// is the shim; otherwise it returns at once. Call it first in main.
func Serve() Shim { return Shim{} }

// Probe tries what the system can do.
func (s Shim) Probe(context.Context) Status {
	return Status{Missing: []string{"a sandbox for " + runtime.GOOS}}
}

// Command returns the command that runs a program in the sandbox.
func (s Shim) Command(Spec, Status) (*exec.Cmd, error) {
	return nil, fmt.Errorf("sandbox: %w", errors.ErrUnsupported)
}

// Own gives a directory to the user that programs in the sandbox are.
func Own(string, Status) error { return nil }

// Seal copies a file into memory that nobody can change.
func Seal(io.Reader, string, io.Writer) (*os.File, error) {
	return nil, fmt.Errorf("sandbox: %w", errors.ErrUnsupported)
}

package saastest

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Config says how a server is run.
type Config struct {
	// Args are the program's, beyond the address. Defaults to none.
	Args []string
	// Binary is the program. Required.
	Binary string
	// Dir is the folder that it runs in. Defaults to a new one for each start.
	Dir string
	// Env is its environment beside PATH and HOME. Defaults to none.
	Env []string
}

// Server is a server's process, or a worker's, one after another. It is for one goroutine.
type Server struct {
	tb       testing.TB
	cfg      Config
	cmd      *exec.Cmd
	out      io.ReadCloser
	base     string
	problems bytes.Buffer
}

// New returns a server that has not started.
func New(tb testing.TB, cfg Config) *Server {
	tb.Helper()
	return &Server{tb: tb, cfg: cfg}
}

// Base is its address, such as "http://127.0.0.1:8080"; each start has another one.
func (s *Server) Base() string { return s.base }

// Start starts a process on a free port and waits until it says where it is. It is killed
// when the test ends, if not before.
func (s *Server) Start() {
	s.tb.Helper()
	s.Begin()
	s.Await()
}

// Begin starts a process on a free port and does not wait; Await must follow.
func (s *Server) Begin() {
	s.tb.Helper()
	s.cmd = exec.Command(s.cfg.Binary, append([]string{"--addr", "127.0.0.1:0"}, s.cfg.Args...)...) //nolint:gosec,noctx // a test's own program, which the test ends
	if s.cmd.Dir = s.cfg.Dir; s.cmd.Dir == "" {
		s.cmd.Dir = s.tb.TempDir()
	}
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, s.cfg.Env...)
	s.cmd.Stderr = &s.problems
	var err error
	if s.out, err = s.cmd.StdoutPipe(); err != nil {
		s.tb.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(s.Kill)
}

// Await waits until the process says where it is.
func (s *Server) Await() {
	s.tb.Helper()
	for lines := bufio.NewScanner(s.out); lines.Scan(); {
		if who, at, ok := strings.Cut(lines.Text(), " is at "); ok && (who == "Lunobot" || who == "Worker") {
			s.base = strings.TrimSpace(at)
			go io.Copy(io.Discard, s.out) //nolint:errcheck // it ends with the process
			return
		}
	}
	s.Kill()
	s.tb.Fatalf("the program did not say where it is:\n%s", s.problems.String())
}

// Signal sends the process a signal.
func (s *Server) Signal(signal os.Signal) {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.tb.Fatal(err)
	}
}

// Kill ends the process with SIGKILL, if it is at work.
func (s *Server) Kill() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(syscall.SIGKILL)
		_ = s.cmd.Wait()
	}
}

// Stop asks the process to end and waits. One that ends with a fault fails the test,
// which then tells what it said; so does one of a test that has failed.
func (s *Server) Stop() {
	s.tb.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil || s.tb.Failed() {
		s.tb.Errorf("the server ended with %v:\n%s", err, s.problems.String())
	}
}

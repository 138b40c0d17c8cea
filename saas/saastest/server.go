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

// Server is a server's process, one after another. It is for one goroutine.
type Server struct {
	tb       testing.TB
	cfg      Config
	cmd      *exec.Cmd
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
	s.cmd = exec.Command(s.cfg.Binary, append([]string{"--addr", "127.0.0.1:0"}, s.cfg.Args...)...) //nolint:gosec,noctx // a test's own program, which the test ends
	if s.cmd.Dir = s.cfg.Dir; s.cmd.Dir == "" {
		s.cmd.Dir = s.tb.TempDir()
	}
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, s.cfg.Env...)
	s.cmd.Stderr = &s.problems
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.tb.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(s.Kill)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if at, ok := strings.CutPrefix(lines.Text(), "Lunobot is at"); ok {
			s.base = strings.TrimSpace(at)
			go io.Copy(io.Discard, out) //nolint:errcheck // it ends with the process
			return
		}
	}
	s.Kill()
	s.tb.Fatalf("the server did not say where it is:\n%s", s.problems.String())
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

package pluginhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-plugin/runner"

	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// drain is how long a dead process's output is still read; something that it
// left behind may hold the other end.
const drain = 200 * time.Millisecond

// child is the operating system's process of a plugin. go-plugin starts and
// reads it through this type, so that no way that a plugin may misbehave can
// block the host: its whole process group is killed, and its pipes are closed.
type child struct {
	cmd            *exec.Cmd
	logger         *slog.Logger
	bounds         Processor
	directory      string
	leash          *os.File // the other end of its standard input
	memory         *plugin.Memory
	line           *plugin.Line
	room           *room // nil if it is not shut in
	stdout, stderr *os.File
	hello          hello

	mu      sync.Mutex
	started bool
	// done is closed when the process has ended and failed is set, quiet when
	// all that it printed has been read.
	done, quiet chan struct{}
	hush        sync.Once
	failed      error
	// overuse is what it was killed for; nil if it was not.
	overuse atomic.Pointer[excess]
}

var _ runner.Runner = (*child)(nil)

// Where a plugin finds the memory that is shared with it and its end of the line:
// after its standard input and outputs.
const (
	memoryDescriptor = 3
	lineDescriptor   = 4
)

// newChild returns the process of a source that is not started yet. Memory is
// shared with it and a line given to it if they are not nil; in a box it is shut
// in.
func newChild(cfg Config, s Source, directory string, memory *plugin.Memory, line *plugin.Line, b *box) (*child, error) {
	c := &child{
		logger: cfg.Logger.With("plugin", s.Key()), bounds: cfg.Processor, directory: directory, memory: memory, line: line, room: roomOf(b, directory),
		done: make(chan struct{}), quiet: make(chan struct{}),
	}
	var inherit [sandbox.Inherited]*os.File
	if memory != nil {
		inherit[memoryDescriptor-sandbox.FirstInherited] = memory.File()
	}
	if line != nil {
		inherit[lineDescriptor-sandbox.FirstInherited] = line.File()
	}
	if b != nil {
		var err error
		c.cmd, err = b.shim.Command(sandbox.Spec{
			Program: b.program.file, Sealed: b.program.sealed, Args: s.Args, Directory: directory, Inherit: inherit, Limits: b.limits,
		}, b.status)
		return c, err
	}
	c.cmd = exec.Command(s.Path, s.Args...)
	c.cmd.Dir = directory
	c.cmd.SysProcAttr = ownGroup()
	c.cmd.ExtraFiles = inherit[:]
	return c, nil
}

// environ sets the process's environment: what go-plugin makes for it, how many cores
// it may count on, and where its memory and its line are, and nothing else.
func (c *child) environ(env []string) {
	c.cmd.Env = append(c.cmd.Env, env...)
	c.cmd.Env = append(c.cmd.Env, "GOMAXPROCS="+strconv.Itoa(min(c.bounds.Cores, runtime.GOMAXPROCS(0))))
	if c.memory != nil {
		c.cmd.Env = append(c.cmd.Env, plugin.MemoryVariable+"="+strconv.Itoa(memoryDescriptor))
	}
	if c.line != nil {
		c.cmd.Env = append(c.cmd.Env, plugin.LineVariable+"="+strconv.Itoa(lineDescriptor))
	}
}

// Start implements runner.Runner.
func (c *child) Start(context.Context) error {
	var theirs, ours []*os.File
	closeAll := func(files []*os.File) {
		for _, f := range files {
			_ = f.Close()
		}
	}
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(append(theirs, ours...))
			return fmt.Errorf("making a pipe: %w", err)
		}
		if len(theirs) == 0 {
			r, w = w, r
		}
		theirs, ours = append(theirs, w), append(ours, r)
	}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = theirs[0], theirs[1], theirs[2]
	c.leash, c.stdout, c.stderr = ours[0], ours[1], ours[2]
	err := c.cmd.Start()
	closeAll(theirs)
	if c.line != nil {
		c.line.Inherited()
	}
	if err != nil {
		closeAll(ours)
		return err
	}
	c.mu.Lock()
	c.started = true
	c.mu.Unlock()
	go c.wait()
	if c.room != nil {
		go c.weigh()
	}
	if err := yield(c.cmd.Process, c.bounds.Nice); err != nil && !errors.Is(err, errNoProcess) && !errors.Is(err, errors.ErrUnsupported) {
		c.logger.Warn("a plugin has the host's own priority", "error", err)
	}
	return nil
}

// wait waits for the end of the process and sees to it that nothing of it is
// left.
func (c *child) wait() {
	c.failed = c.cmd.Wait()
	killGroup(c.cmd.Process)
	_ = c.leash.Close()
	close(c.done)
	time.Sleep(drain)
	_ = c.stdout.Close()
	_ = c.stderr.Close()
}

// end kills the process and waits for its end; before a start it does nothing.
func (c *child) end() {
	c.mu.Lock()
	started := c.started
	c.mu.Unlock()
	if !started {
		return
	}
	select {
	case <-c.done:
	default:
		killGroup(c.cmd.Process)
		<-c.done
	}
}

// Kill implements runner.AttachedRunner.
func (c *child) Kill(context.Context) error {
	c.end()
	return nil
}

// Wait implements runner.AttachedRunner.
func (c *child) Wait(context.Context) error {
	<-c.done
	return c.failed
}

// ID implements runner.AttachedRunner.
func (c *child) ID() string {
	if pid := c.pid(); pid != 0 {
		return strconv.Itoa(pid)
	}
	return ""
}

// pid returns the operating system's process id, 0 before a start.
func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started {
		return 0
	}
	return c.cmd.Process.Pid
}

// Name implements runner.Runner.
func (c *child) Name() string { return c.cmd.Path }

// Stdout implements runner.Runner; the first line is kept for Diagnose.
func (c *child) Stdout() io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(c.stdout, &c.hello), c.stdout}
}

// Stderr implements runner.Runner.
func (c *child) Stderr() io.ReadCloser { return lastWords{c} }

// lastWords is the standard error of a child; it tells when that is over.
type lastWords struct{ c *child }

// Read implements io.Reader.
func (w lastWords) Read(p []byte) (int, error) {
	n, err := w.c.stderr.Read(p)
	if err != nil {
		w.c.hush.Do(func() { close(w.c.quiet) })
	}
	return n, err
}

// Close implements io.Closer.
func (w lastWords) Close() error { return w.c.stderr.Close() }

// Diagnose implements runner.Runner.
func (c *child) Diagnose(context.Context) string { return "" }

// PluginToHost implements runner.AddrTranslator: a plugin is only ever spoken to
// through a socket in its own directory.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	if rel, err := filepath.Rel(c.directory, address); network != "unix" || err != nil || !filepath.IsLocal(rel) {
		return "", "", errAddress
	}
	return network, address, nil
}

// errAddress means that a plugin named an address that is not its own.
var errAddress = errors.New("the plugin names an address outside its own directory")

// HostToPlugin implements runner.AddrTranslator.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// hello keeps the first line that a plugin prints: the handshake.
type hello struct {
	mu   sync.Mutex
	line []byte
	over bool
}

// Write implements io.Writer; it never fails.
func (h *hello) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over {
		part, _, ended := bytes.Cut(p, []byte{'\n'})
		h.line = append(h.line, part...)
		h.over = ended || len(h.line) > 4<<10
	}
	return len(p), nil
}

// noHandshake is the error of a program that begins with something else.
func noHandshake(line string) error {
	return fmt.Errorf("it printed %s instead of the handshake: its main has to call plugin.Serve, and to print nothing before", quoteShort(line))
}

// judge says what is wrong with the handshake: nothing if it is fine, or if
// there was none.
func (h *hello) judge() (Kind, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	line := strings.TrimSpace(string(h.line))
	if line == "" {
		return "", nil
	}
	parts := strings.Split(line, "|")
	if len(parts) < 4 {
		return Garbage, noHandshake(line)
	}
	core, err := strconv.Atoi(parts[0])
	version, err2 := strconv.Atoi(parts[1])
	switch {
	case err != nil || err2 != nil:
		return Garbage, noHandshake(line)
	case version > plugin.Protocol:
		return Protocol, fmt.Errorf("it speaks protocol %d and this host %d: upgrade the host", version, plugin.Protocol)
	case version != plugin.Protocol:
		return Protocol, fmt.Errorf("it speaks protocol %d and this host %d: build it with a newer SDK", version, plugin.Protocol)
	case core != 1 || (len(parts) > 4 && parts[4] != "grpc") || len(parts) == 4:
		return Protocol, errors.New("it does not speak gRPC: build it with this project's SDK")
	case parts[2] != "unix":
		return Handshake, errAddress
	}
	return "", nil
}

func quoteShort(text string) string {
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(text, "�"))
}

package pluginhost

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// program is a source's file as the sandbox runs it: checked, and such that
// nobody can change it between the check and the run.
type program struct {
	file   *os.File
	sealed bool
	stamp  stamp
}

// stamp tells one state of a file from another without reading it.
type stamp struct {
	size     int64
	modified time.Time
	info     os.FileInfo
}

func stampOf(info os.FileInfo) stamp {
	return stamp{size: info.Size(), modified: info.ModTime(), info: info}
}

func (s stamp) same(t stamp) bool {
	return s.size == t.size && s.modified.Equal(t.modified) && os.SameFile(s.info, t.info)
}

// self is this very program, which the system lets nobody write to while it runs.
const self = "/proc/self/exe"

// maxProgram is how large a program may be, in bytes: it is copied into memory.
const maxProgram = 512 << 20

// openProgram opens a file that may be a program: a plain one that is not too large.
func openProgram(path string) (*os.File, error) {
	if err := plain(os.Stat(path)); err != nil { // opening a pipe would wait for its other end
		return nil, err
	}
	f, err := os.Open(path) //nolint:gosec // an operator names it
	if err != nil {
		return nil, err
	}
	if err := plain(f.Stat()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// plain reports why a file is none that may be a program.
func plain(info os.FileInfo, err error) error {
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no program but a directory, a pipe or a device", info.Name())
	case info.Size() > maxProgram:
		return fmt.Errorf("%s has %d MiB, and a program may have %d", info.Name(), info.Size()>>20, maxProgram>>20)
	}
	return nil
}

// program returns the entry's file, as it was when its sum was checked. A file
// that was changed since is read and checked again.
func (h *Host) program(e *entry, checksum []byte) (*program, *Error) {
	h.programs.Lock()
	defer h.programs.Unlock()
	f, err := openProgram(e.Path)
	if err != nil {
		return nil, &Error{Plugin: e.Key(), Kind: Start, Err: err}
	}
	keep := false
	defer func() {
		if !keep {
			_ = f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, &Error{Plugin: e.Key(), Kind: Start, Err: err}
	}
	now := stampOf(info)
	if e.program != nil && e.program.stamp.same(now) {
		return e.program, nil
	}
	sum := sha256.New()
	p := &program{stamp: now}
	// Others may run in the sandbox; a program that they may not read is copied.
	if e.Path == self && e.SHA256 == "" && info.Mode().Perm()&0o5 == 0o5 {
		p.file, keep, e.program = f, true, p // nobody said which program this should be
		return p, nil
	}
	p.sealed = true
	if p.file, err = sandbox.Seal(io.LimitReader(f, maxProgram), f.Name(), sum); err != nil {
		return nil, &Error{Plugin: e.Key(), Kind: Start, Err: err}
	}
	if !bytes.Equal(sum.Sum(nil), checksum) {
		_ = p.file.Close()
		return nil, &Error{Plugin: e.Key(), Kind: Tampered, Err: fmt.Errorf("%s is not the file whose SHA-256 is %x", e.Path, checksum)}
	}
	e.program.close()
	e.program = p
	return p, nil
}

func (p *program) close() {
	if p != nil {
		_ = p.file.Close()
	}
}

// Sandbox tells how well this host shuts plugins in; it tries that once.
func (h *Host) Sandbox(ctx context.Context) sandbox.Status {
	h.probe.Do(func() {
		if h.cfg.Sandbox == sandbox.Off {
			h.sandbox = sandbox.Status{Missing: []string{"all of it: it is switched off"}}
		} else {
			h.sandbox = h.cfg.Shim.Probe(context.WithoutCancel(ctx))
		}
		if _, err := processorTime(os.Getpid()); err != nil {
			h.sandbox.Missing = append(h.sandbox.Missing, processorPart)
			h.cfg.Logger.Warn("PROCESSOR TIME OF STRATEGIES IS NOT BOUNDED: one that computes without end keeps its cores", "error", err)
		} else {
			h.sandbox.Active = append(h.sandbox.Active, processorPart)
		}
		if !h.sandbox.Whole() {
			h.cfg.Logger.Warn("STRATEGIES ARE NOT SHUT IN WHOLLY: run none that you do not trust", "sandbox", h.sandbox.String(), "policy", h.cfg.Sandbox)
		}
	})
	return h.sandbox
}

// processorPart is the part of the sandbox that the host itself is: it ends processes
// that use too much processor time.
const processorPart = "processor time"

// box is what a process is shut in with; nil is not at all.
type box struct {
	shim    sandbox.Shim
	status  sandbox.Status
	program *program
	limits  sandbox.Limits
}

// box returns the sandbox of a process of the entry.
func (h *Host) box(ctx context.Context, e *entry, checksum []byte) (*box, *Error) {
	status := h.Sandbox(ctx)
	switch {
	case !status.Whole() && h.cfg.Sandbox == sandbox.Require:
		return nil, &Error{Plugin: e.Key(), Kind: Start, Err: fmt.Errorf("a whole sandbox is required, and there is one %s", status)}
	case h.cfg.Sandbox == sandbox.Off || !h.cfg.Shim.Available() || runtime.GOOS != "linux":
		return nil, nil
	}
	p, wrong := h.program(e, checksum)
	if wrong != nil {
		return nil, wrong
	}
	return &box{shim: h.cfg.Shim, status: status, program: p, limits: h.cfg.Limits}, nil
}

// own gives the directories to whom the process will be.
func (b *box) own(directories ...string) error {
	if b == nil {
		return nil
	}
	var problems []error
	for _, d := range directories {
		if filepath.IsAbs(d) {
			problems = append(problems, sandbox.Own(d, b.status))
		}
	}
	return errors.Join(problems...)
}

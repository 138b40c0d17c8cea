package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nobody is the user that programs are where the host is root.
const nobody = 65534

// probeTimeout bounds how long a probe may take.
const probeTimeout = 5 * time.Second

// Probe tries what the system can do, by shutting in a process that ends at
// once.
func (s Shim) Probe(ctx context.Context) Status {
	if !s.Available() {
		return Status{Missing: []string{noShim}}
	}
	status := Status{Active: []string{"namespaces"}, namespaces: true}
	got, err := s.probe(ctx, status)
	if err != nil {
		status = Status{Missing: []string{"namespaces"}}
		if got, err = s.probe(ctx, status); err != nil {
			return Status{Missing: []string{fmt.Sprintf("a shim that runs (%v)", err)}}
		}
	}
	note := func(part string, there bool) {
		if there {
			status.Active = append(status.Active, part)
		} else {
			status.Missing = append(status.Missing, part)
		}
	}
	note("landlock", got.Landlock)
	note("seccomp", got.Seccomp)
	return status
}

func (s Shim) probe(ctx context.Context, status Status) (got found, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.path, argument)
	if err := order(cmd, orders{Probe: true}); err != nil {
		return got, err
	}
	cmd.SysProcAttr = attributes(status)
	out, err := cmd.Output()
	if err != nil {
		return got, err
	}
	return got, json.Unmarshal(out, &got)
}

// order puts the orders into the command's environment.
func order(cmd *exec.Cmd, o orders) error {
	raw, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	cmd.Env = append(cmd.Env, variable+"="+string(raw))
	return nil
}

// Command returns the command that runs a program in the sandbox, as well as a
// status says that it can be. The caller appends to its environment, sets its
// standard files and starts it.
func (s Shim) Command(spec Spec, status Status) (*exec.Cmd, error) {
	if !s.Available() {
		return nil, errors.New("sandbox: this program does not offer the shim")
	}
	lacks := func(part string) bool {
		for _, m := range status.Missing {
			if m == part {
				return true
			}
		}
		return false
	}
	cmd := exec.Command(s.path, argument)
	if err := order(cmd, orders{
		Args: append([]string{spec.Program.Name()}, spec.Args...), Directory: spec.Directory, Limits: spec.Limits.WithDefaults(), Sealed: spec.Sealed,
		Landlock: !lacks("landlock"), Seccomp: !lacks("seccomp"), Namespaces: status.namespaces,
	}); err != nil {
		return nil, err
	}
	cmd.ExtraFiles = append(spec.Inherit[:], spec.Program)
	cmd.SysProcAttr = attributes(status)
	return cmd, nil
}

// attributes gives the process a group, and namespaces if there are any. It is killed when
// its host is, which the system tells by the thread that started it: the runtime ends none
// but those that a goroutine has locked and left so, as no host does.
func attributes(status Status) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if !status.namespaces {
		return a
	}
	a.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWPID | unix.CLONE_NEWUTS
	uid, gid := user()
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: uid, Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: gid, Size: 1}}
	if os.Getuid() == 0 {
		a.GidMappingsEnableSetgroups = true
		a.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return a
}

// user returns who programs in the sandbox are outside of it.
func user() (uid, gid int) {
	if os.Getuid() == 0 {
		return nobody, nobody
	}
	return os.Getuid(), os.Getgid()
}

// Own gives a directory to the user that programs in the sandbox are.
func Own(directory string, status Status) error {
	if !status.namespaces || os.Getuid() != 0 {
		return nil
	}
	for parent := filepath.Dir(directory); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if theirs := ok && owner.Uid == nobody; !theirs && info.Mode().Perm()&1 == 0 {
			return fmt.Errorf("sandbox: others than root, as which programs run, cannot enter %s: let them (chmod o+x) or choose another directory", parent)
		}
		if parent == filepath.Dir(parent) {
			break
		}
	}
	uid, gid := user()
	if err := os.Chown(directory, uid, gid); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// Seal copies the file of a name into memory that nobody can change, ready to be run, and
// what it copies into seen. The memory belongs to the caller.
func Seal(from io.Reader, name string, seen io.Writer) (*os.File, error) {
	fd, err := unix.MemfdCreate("plugin", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate("plugin", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("sandbox: making memory for %s: %w", name, err)
	}
	to := os.NewFile(uintptr(fd), name)
	_, err = io.Copy(io.MultiWriter(to, seen), from)
	if err == nil {
		_, err = unix.FcntlInt(to.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE|unix.F_SEAL_SEAL)
	}
	if err != nil {
		_ = to.Close()
		return nil, fmt.Errorf("sandbox: sealing %s: %w", name, err)
	}
	return to, nil
}

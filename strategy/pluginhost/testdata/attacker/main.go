// Command attacker is a strategy that tries to get out of its sandbox, for the
// host's tests: at a candle it makes the attempt that its parameter names, and
// notes what came of it.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

type params struct {
	Attempt string `param:"attempt"`
	Target  string `param:"target"`
}

type attacker struct {
	Params params `json:"-"`
}

// OnCandle makes the attempt: an error is a refusal.
func (a *attacker) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	do, ok := attempts()[a.Params.Attempt]
	if !ok {
		do = deeper()[a.Params.Attempt]
	}
	if err := do(a.Params.Target); err != nil {
		b.Note("refused: %v", err)
		return
	}
	b.Note("done")
}

func attempts() map[string]func(target string) error {
	return map[string]func(target string) error{
		"nothing":     func(string) error { return nil },
		"read":        func(t string) error { _, err := os.ReadFile(t); return err },
		"list":        func(t string) error { _, err := os.ReadDir(t); return err },
		"write":       func(t string) error { return os.WriteFile(t, []byte("x"), 0o600) },
		"remove":      os.Remove,
		"environment": environment,
		"tcp":         func(t string) error { return closing(net.DialTimeout("tcp", t, time.Second)) },
		"listen":      func(string) error { return closing(net.Listen("tcp", "127.0.0.1:0")) },
		"udp":         func(t string) error { return udp(t) },
		"raw":         func(string) error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) },
		"netlink":     func(string) error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, 0) },
		"legacy":      legacySocket,
		"mptcp":       func(string) error { return socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP) },
		"vsock":       func(string) error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0) },
		"unix":        func(t string) error { return closing(net.DialTimeout("unix", t, time.Second)) },
		"datagram":    func(t string) error { return closing(net.DialTimeout("unixgram", t, time.Second)) },
		"exec":        func(string) error { return exec.Command("/bin/true").Run() }, //nolint:noctx // it shall fail
		"become":      func(string) error { return unix.Exec("/bin/true", []string{"true"}, nil) },
		"own program": ownProgram,
		"fork":        func(string) error { return fork() },
		"namespace":   func(string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
		"ptrace":      func(string) error { return unix.PtraceAttach(unix.Getppid()) },
		"signal":      signal,
		"mount":       func(string) error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") },
		"keys":        func(string) error { _, err := unix.KeyctlInt(unix.KEYCTL_GET_KEYRING_ID, -3, 0, 0, 0); return err },
		"ring":        func(string) error { return call(unix.SYS_IO_URING_SETUP) },
		"bpf":         func(string) error { return call(unix.SYS_BPF) },
		"resize":      func(string) error { return unix.Ftruncate(3, 0) },
		"large file":  largeFile,
		"descriptors": func(t string) error { return descriptors(t) },
		"memory":      func(string) error { return memory() },
		"spin":        func(string) error { return spin() },
		"spin on":     func(string) error { return spinOn() },
		"priority":    func(string) error { return unix.Setpriority(unix.PRIO_PROCESS, 0, -20) },
		"realtime":    func(string) error { return realtime() },
		"threads":     func(string) error { return threads() },
	}
}

func closing[T interface{ Close() error }](c T, err error) error {
	if err == nil {
		_ = c.Close()
	}
	return err
}

func environment(string) error {
	for _, entry := range os.Environ() {
		if strings.Contains(entry, "hunter2") {
			return nil
		}
	}
	return errors.New("there is no secret in it")
}

func udp(target string) error {
	c, err := net.Dial("udp", target) //nolint:noctx // it shall fail
	if err != nil {
		return err
	}
	_, err = c.Write([]byte("x"))
	return err
}

func socket(family, kind, protocol int) error {
	fd, err := unix.Socket(family, kind, protocol)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

// ownProgram makes a file that may be run, and runs it.
func ownProgram(string) error {
	script := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "x")
	if err := os.WriteFile(script, nil, 0o700); err != nil { //nolint:gosec // that is the point
		return err
	}
	return exec.Command(script).Run() //nolint:noctx,gosec // it shall fail
}

func fork() error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	switch {
	case errno != 0:
		return errno
	case pid == 0:
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0) //nolint:errcheck // it does not return
	}
	return nil
}

// signal asks whether it could signal a process.
func signal(target string) error {
	pid, err := strconv.Atoi(target)
	if err != nil {
		return err
	}
	return unix.Kill(pid, 0)
}

func call(number uintptr) error {
	if _, _, errno := unix.Syscall(number, 0, 0, 0); errno == unix.EPERM || errno == unix.ENOSYS {
		return errno
	}
	return nil
}

func largeFile(string) error {
	f, err := os.Create(filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "large"))
	if err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for range 64 {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return nil
}

func descriptors(target string) error {
	for range 10_000 {
		if _, err := os.Open(target); err != nil {
			return err
		}
	}
	return nil
}

func memory() error {
	var all [][]byte
	for range 4096 {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = 1
		}
		all = append(all, block)
	}
	return fmt.Errorf("it got %d blocks", len(all))
}

func spin() error {
	for { //nolint:staticcheck // it shall not end
	}
}

func realtime() error {
	return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
}

// spinOn computes for ever, and lets its caller go.
func spinOn() error {
	for range 4 {
		go func() { _ = spin() }()
	}
	return nil
}

func threads() error {
	stop := make(chan struct{})
	for range 2000 {
		go func() {
			var ts unix.Timespec
			ts.Sec = 5
			_ = unix.Nanosleep(&ts, nil)
			<-stop
		}()
	}
	time.Sleep(2 * time.Second)
	return nil
}

// leave lets the first thread end.
var leave = make(chan struct{})

func main() {
	switch strings.Join(os.Args[1:], " ") {
	case "hoard": // before anybody can speak to it
		_ = hiddenMemory("")
	case "deaf": // to the end of its host, and to what would be sent then
		_ = unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)
		os.Stdin, _ = os.Open(os.DevNull)
	}
	runtime.LockOSThread()
	go plugin.Serve(strategy.MustDefine(strategy.Info{Name: "attacker", Version: "1.0.0"}, params{Attempt: "nothing"},
		func(p params) strategy.Strategy { return &attacker{Params: p} }))
	<-leave
	_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
}

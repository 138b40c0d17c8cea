//go:build unix

package pluginhost

import (
	"os"
	"syscall"
)

// ownGroup puts a process in a group of its own, which signals from a terminal
// do not reach.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills a process and all that it has started.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	_ = p.Kill()
}

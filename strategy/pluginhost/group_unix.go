//go:build unix

package pluginhost

import (
	"os"
	"syscall"
)

// ownGroup puts a process in a group of its own, which signals from a terminal
// do not reach.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// onlyDirectory opens nothing but a directory itself: neither a link nor a pipe, whose
// other end would be waited for.
const onlyDirectory = syscall.O_DIRECTORY | syscall.O_NOFOLLOW

// killGroup kills a process and all that it has started.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	_ = p.Kill()
}

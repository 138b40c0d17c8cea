//go:build !unix

package pluginhost

import (
	"os"
	"syscall"
)

// ownGroup asks for nothing where there are no process groups.
func ownGroup() *syscall.SysProcAttr { return nil }

// killGroup kills a process.
func killGroup(p *os.Process) { _ = p.Kill() }

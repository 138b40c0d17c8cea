//go:build !unix

package pluginhost

import (
	"os"
	"syscall"
)

// ownGroup asks for nothing where there are no process groups.
func ownGroup() *syscall.SysProcAttr { return nil }

// onlyDirectory is for systems whose directories others than the owner write to.
const onlyDirectory = 0

// killGroup kills a process.
func killGroup(p *os.Process) { _ = p.Kill() }

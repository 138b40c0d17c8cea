//go:build !linux

package pluginhost

import "errors"

// heldMemory is for systems that shut processes in; here none is.
func heldMemory(int) (int64, error) { return 0, errors.ErrUnsupported }

// mappings is for such systems, too.
func mappings(int, int) (int, error) { return 0, errors.ErrUnsupported }

// ended is for such systems, too.
func ended(error) bool { return true }

// filesIn is for such systems, too.
func filesIn(string, int) int { return 0 }

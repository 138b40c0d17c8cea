package main

import "golang.org/x/sys/unix"

// legacy makes a system call as a 32-bit program does, which a filter for 64-bit
// ones may not see.
func legacy(number, a, b, c uintptr) uintptr

// legacySocket asks for a socket of the internet that way.
func legacySocket(string) error {
	const socket = 359 // of the 32-bit architecture
	if n := int32(legacy(socket, unix.AF_INET, unix.SOCK_STREAM, 0)); n < 0 {
		return unix.Errno(-n)
	}
	return nil
}

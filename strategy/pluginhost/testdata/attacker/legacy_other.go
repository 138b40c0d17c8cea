//go:build !amd64

package main

import "errors"

// legacySocket has nothing to try on this architecture.
func legacySocket(string) error { return errors.New("there is no such architecture") }

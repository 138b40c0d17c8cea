// Package machine says what tests and benchmarks need of the machine that they
// run on.
//
// It owns the rule for what is missing: the test is skipped with a message, and
// fails where LUNOBOT_REQUIRE_SERVICES=1 says that all must be there; and how much
// memory a process holds. It imports nothing of ours, so that tests of every
// package can use it.
//
// Smallest use:
//
//	path, err := exec.LookPath("chromium")
//	if err != nil {
//		machine.Missing(t, "Chromium", err)
//	}
package machine

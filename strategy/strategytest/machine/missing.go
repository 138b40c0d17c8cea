package machine

import (
	"os"
	"testing"
)

// required is the variable that makes what is missing a failure when it is 1.
const required = "LUNOBOT_REQUIRE_SERVICES"

// Missing skips a test, or a benchmark, because what it needs is not to be had
// here, with the cause; where LUNOBOT_REQUIRE_SERVICES=1 it fails it. It does not
// return.
func Missing(tb testing.TB, what string, cause error) {
	tb.Helper()
	if os.Getenv(required) == "1" {
		tb.Fatalf("%s is required here and not to be had: %v", what, cause)
	}
	tb.Skipf("skipped: %s is not to be had: %v", what, cause)
}

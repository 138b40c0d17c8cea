package saas

import (
	"errors"
	"fmt"
	"strings"
)

// Role says which part of an installation a process is.
type Role string

// The roles.
const (
	// All is a whole installation in one process.
	All Role = "all"
	// Web serves pages and API. It seals the tenants' exchange keys and holds
	// nothing that opens them; bots and long jobs are left to workers.
	Web Role = "web"
	// Worker runs bots, backtests and the checks of exchange keys. It opens these
	// keys, and holds nothing that signs anybody in.
	Worker Role = "worker"
)

// serves reports whether the role has pages and API.
func (r Role) serves() bool { return r == All || r == Web }

// works reports whether the role runs bots and jobs.
func (r Role) works() bool { return r == All || r == Worker }

// checkRole names what a role needs that the configuration does not have: processes
// that share the work share the database and the broker.
func (c Config) checkRole() error {
	switch c.Role {
	case All:
		return nil
	case Web, Worker:
	default:
		return fmt.Errorf("LUNOBOT_ROLE %q is none of %s, %s and %s", c.Role, All, Web, Worker)
	}
	var problems []error
	if strings.HasPrefix(c.DatabaseURL, "sqlite:") {
		problems = append(problems, fmt.Errorf("the role %s needs PostgreSQL, which all processes reach (DATABASE_URL)", c.Role))
	}
	if c.EventsURL == "" {
		problems = append(problems, fmt.Errorf("the role %s needs a NATS server with JetStream, which all processes reach (LUNOBOT_NATS_URL)", c.Role))
	}
	return errors.Join(problems...)
}

package bot

import (
	"bytes"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// Untried is what a change asks for after which a live bot trades otherwise than it did on
// paper: with other parameters, another version of its strategy, another interval or
// other pairs. A bot goes live as it was tried, and so it stays unless whoever may decide
// about real money does without another hour on paper, and types the bot's name. Changes
// of bots on paper ask for nothing.
type Untried struct {
	// Confirm is the bot's name, as it is before the change.
	Confirm string
	// Waive says that the new way to trade needs no run on paper; it is put on record.
	Waive bool
}

// waived is the error of a change without that: Forbidden; Conflict, code
// "paper_run_missing"; Invalid for the wrong name.
func (u Untried) waived(p tenancy.Principal, name string) error {
	if err := responsible(p); err != nil {
		return err
	}
	if !u.Waive {
		return errs.New(errs.Conflict, "paper_run_missing",
			"%s is live and has not run on paper like that: take it back to paper and let it run there for an hour, or say that you do without", name)
	}
	var f errs.Fields
	f.Check(strings.TrimSpace(u.Confirm) == name, "/confirm", "must be the bot's name, "+name)
	return f.Err()
}

// tradesAs reports whether two configurations of a bot decide alike.
func (c Config) tradesAs(other Config) bool {
	return c.Interval == other.Interval && c.StrategyVersion == other.StrategyVersion && slices.Equal(c.Also, other.Also) && bytes.Equal(c.Parameters, other.Parameters)
}

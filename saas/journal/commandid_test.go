package journal_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
)

// proves T1: a command has one client id, which Luno takes, and no two commands
// have the same.
func TestCommandIDs(t *testing.T) {
	t.Parallel()
	name := rapid.StringMatching(`[0-9A-Za-z_-]{1,40}`)
	command := rapid.Custom(func(t *rapid.T) journal.CommandID {
		return journal.CommandID{
			Installation: name.Draw(t, "installation"), BotID: name.Draw(t, "bot"),
			Epoch: rapid.Int64Range(1, 1<<62).Draw(t, "epoch"), Number: rapid.Int64Range(1, 1<<62).Draw(t, "number"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := command.Draw(t, "a"), command.Draw(t, "b")
		id, err := a.ClientID()
		other, oerr := b.ClientID()
		if err != nil || oerr != nil {
			t.Fatal(err, oerr)
		}
		if back, ok := journal.ParseCommandID(id); !ok || back != a {
			t.Errorf("%s is read as %+v", id, back)
		}
		if len(id) > 255 || strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_;,.-") != "" {
			t.Errorf("Luno does not take %s", id)
		}
		if (id == other) != (a == b) {
			t.Errorf("%+v and %+v are %s and %s", a, b, id, other)
		}
	})
}

func TestCommandIDsOfOthers(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "x", "lb.a.b.1", "lb.a.b.1.01", "lb.a.b.+1.1", "lb.a.b.0.1", "lb.a.b.1.-1", "LB.a.b.1.1", "lb..b.1.1", "lb.a.b.1.1.1", "lb.a b.c.1.1"} {
		if c, ok := journal.ParseCommandID(id); ok {
			t.Errorf("%q is read as %+v", id, c)
		}
	}
	for _, c := range []journal.CommandID{
		{}, {Installation: "a", BotID: "b", Epoch: 1}, {Installation: "a.b", BotID: "b", Epoch: 1, Number: 1},
		{Installation: "a", BotID: strings.Repeat("b", 256), Epoch: 1, Number: 1},
	} {
		if id, err := c.ClientID(); err == nil || errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v is %q, %v", c, id, err)
		}
	}
}

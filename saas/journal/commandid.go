package journal

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/lunobot/lunobot/saas/errs"
)

// CommandID names one command of a bot to place an order. Its text is the
// order's client id: a re-run of the command has the same one (rule T1).
type CommandID struct {
	// Installation tells our orders from those of other installations that trade on
	// the same account.
	Installation string
	BotID        string
	// Epoch is that of the bot's lease, Number the command's within the bot.
	Epoch, Number int64
}

// commandPrefix begins every client id of ours.
const commandPrefix = "lb"

// maxClientID is how long a client id may be at Luno.
const maxClientID = 255

// namePart is what the names in a client id may be made of: what Luno takes,
// without the dot, which separates.
var namePart = regexp.MustCompile(`^[0-9A-Za-z_-]+$`)

// ClientID returns the client order id. Invalid, code "command_id", if a name has
// other letters than venues take, or a number is not above 0.
func (c CommandID) ClientID() (string, error) {
	id := strings.Join([]string{
		commandPrefix, c.Installation, c.BotID, strconv.FormatInt(c.Epoch, 10), strconv.FormatInt(c.Number, 10),
	}, ".")
	if !namePart.MatchString(c.Installation) || !namePart.MatchString(c.BotID) || c.Epoch <= 0 || c.Number <= 0 || len(id) > maxClientID {
		return "", errs.New(errs.Invalid, "command_id",
			"%q is no client order id: installation and bot need letters, digits, _ or -, epoch and number must be above 0", id)
	}
	return id, nil
}

// ParseCommandID reads a client order id; false if it is none of ours.
func ParseCommandID(id string) (CommandID, bool) {
	parts := strings.Split(id, ".")
	if len(parts) != 5 || parts[0] != commandPrefix {
		return CommandID{}, false
	}
	epoch, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil {
		return CommandID{}, false
	}
	number, err := strconv.ParseInt(parts[4], 10, 64)
	if err != nil {
		return CommandID{}, false
	}
	c := CommandID{Installation: parts[1], BotID: parts[2], Epoch: epoch, Number: number}
	if back, err := c.ClientID(); err != nil || back != id {
		return CommandID{}, false
	}
	return c, true
}

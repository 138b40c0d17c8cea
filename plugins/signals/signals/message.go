package signals

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/shopspring/decimal"
)

// message is what a signal asks for.
type message struct {
	Action string `json:"action"`
	// Pair, if given, must be the bot's.
	Pair string `json:"pair"`
	// Size is in percent, of the free cash or of what can be sold; Amount is in
	// the counter currency and Volume in the base currency. At most one is given.
	Size   *number `json:"size"`
	Amount *number `json:"amount"`
	Volume *number `json:"volume"`
	// Limit is the worst price at which it may trade.
	Limit *number `json:"limit"`
	// Stop and Target are prices at which the position is closed.
	Stop   *number `json:"stop"`
	Target *number `json:"target"`
	// Note is for whoever reads the log. ID is for who takes the message in.
	Note string `json:"note"`
	ID   string `json:"id"`
}

// What a message may ask for.
const (
	actionBuy    = "buy"
	actionSell   = "sell"
	actionClose  = "close"
	actionStop   = "stop"
	actionCancel = "cancel"
)

// number is an amount above 0, written as a JSON number or in quotes, without an
// exponent: ten characters could mean a gigabyte else.
type number struct{ decimal.Decimal }

var plain = regexp.MustCompile(`^\d{1,15}(\.\d{1,18})?$`)

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if !plain.MatchString(text) {
		return fmt.Errorf("%.40s is no plain number above 0", raw)
	}
	n.Decimal = decimal.RequireFromString(text)
	if n.IsZero() {
		return errors.New("0 is not above 0")
	}
	return nil
}

// read reads a message. What is unknown in it is an error: a misspelt limit must
// not become an order without one.
func read(text string) (message, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	var m message
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("it cannot be read: %s", reason(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return m, errors.New("it cannot be read: something follows the object")
	}
	m.Action = strings.ToLower(strings.TrimSpace(m.Action))
	return m, m.check()
}

// reason is why a text could not be read, without words about Go.
func reason(err error) string {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return "it must be an object such as {\"action\":\"buy\"}"
	case errors.As(err, &wrong):
		return fmt.Sprintf("%q must be a text, and is a %s", wrong.Field, wrong.Value)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it is cut off"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// check reports what makes no sense, whatever the account.
func (m message) check() error {
	sizes := 0
	for _, n := range []*number{m.Size, m.Amount, m.Volume} {
		if n != nil {
			sizes++
		}
	}
	trades := m.Action == actionBuy || m.Action == actionSell
	switch {
	case m.Action == "":
		return errors.New(`it lacks an "action": buy, sell, close, stop or cancel`)
	case !trades && m.Action != actionClose && m.Action != actionStop && m.Action != actionCancel:
		return fmt.Errorf("the action %.20q is none of buy, sell, close, stop, cancel", m.Action)
	case sizes > 1:
		return errors.New("it gives more than one of size, amount and volume")
	case m.Size != nil && m.Size.GreaterThan(decimal.NewFromInt(100)):
		return fmt.Errorf("a size of %s %% is above 100", m.Size)
	case !trades && (sizes > 0 || m.Limit != nil):
		return fmt.Errorf("%s takes no size and no limit", m.Action)
	case m.Action == actionSell && m.Amount != nil && m.Limit == nil:
		return errors.New("a sale by amount needs a limit, because its volume follows from the price")
	case m.Action != actionBuy && m.Action != actionStop && (m.Stop != nil || m.Target != nil):
		return fmt.Errorf("%s takes no stop and no target", m.Action)
	case m.Action == actionStop && m.Stop == nil && m.Target == nil:
		return errors.New("stop needs a stop or a target")
	case m.Stop != nil && m.Target != nil && m.Stop.GreaterThanOrEqual(m.Target.Decimal):
		return fmt.Errorf("the stop %s is not below the target %s", m.Stop, m.Target)
	}
	return nil
}

package strategy

import (
	"fmt"

	"github.com/lunobot/lunobot/exchange"
)

// CommandKind says what a command asks for.
type CommandKind uint8

// The kinds of commands.
const (
	// PlaceCommand asks for an order.
	PlaceCommand CommandKind = iota + 1
	// CancelCommand asks to take back the order of Ref.
	CancelCommand
	// CancelAllCommand asks to take back all of the bot's orders.
	CancelAllCommand
	// ExitsCommand sets the protective exits of the position.
	ExitsCommand
	// NoteCommand explains a decision to the tenant.
	NoteCommand
	// PlotCommand adds a point to a named line of the bot's chart.
	PlotCommand
)

// String returns the kind's name.
func (k CommandKind) String() string {
	names := [...]string{"place", "cancel", "cancel-all", "exits", "note", "plot"}
	if k >= 1 && int(k) <= len(names) {
		return names[k-1]
	}
	return fmt.Sprintf("command-%d", uint8(k))
}

// Exits are prices at which the host closes the position by itself; 0 is none.
type Exits struct {
	// Stop closes a position that has lost too much.
	Stop exchange.Ticks
	// Target closes a position that has gained enough.
	Target exchange.Ticks
}

// Command is one thing that a strategy asks for. To the host it is input from a
// stranger (rule RK4).
type Command struct {
	Kind CommandKind
	// Pair is which of a bot's further pairs it concerns; "" is its own pair.
	Pair string
	// Ref numbers an order within its bot; for a cancel it names the order.
	Ref uint64

	// Side, Type, Price, Volume, Value, PostOnly and TimeInForce are as in
	// exchange.OrderRequest.
	Side        exchange.Side
	Type        exchange.OrderType
	Price       exchange.Ticks
	Volume      exchange.Steps
	Value       exchange.Units
	PostOnly    bool
	TimeInForce exchange.TimeInForce

	Exits Exits

	// Name and Number are a plot's line and its value in ticks.
	Name   string
	Number float64
	// Text is a note, or why an order is wanted.
	Text string
}

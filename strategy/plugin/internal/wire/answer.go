package wire

import (
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// What one bot may answer to one event; more is refused before it is kept.
const (
	// MaxCommands is how many commands it may record.
	MaxCommands = 1024
	// MaxText is how long a note or a reason may be, in bytes.
	MaxText = 4096
	// MaxName is how long the name of a plot may be, in bytes.
	MaxName = 64
)

// AppendReaction adds what the bot at the index of the batch said. Failure and
// snapshot may be empty.
func AppendReaction(dst []byte, index int, commands []strategy.Command, failure string, snapshot *strategy.Snapshot) []byte {
	dst, mark := openMessage(dst, 1)
	dst = appendUnsigned(dst, 1, uint64(index))
	for i := range commands {
		dst = appendCommand(dst, &commands[i])
	}
	dst = appendString(dst, 3, failure)
	if snapshot != nil {
		var inner int
		dst, inner = openMessage(dst, 4)
		dst = appendUnsigned(dst, 1, uint64(snapshot.Version))
		dst = appendString(dst, 2, snapshot.Data)
		dst = closeMessage(dst, inner)
	}
	return closeMessage(dst, mark)
}

func appendCommand(dst []byte, c *strategy.Command) []byte {
	dst, mark := openMessage(dst, 2)
	dst = appendUnsigned(dst, 1, uint64(c.Kind))
	dst = appendUnsigned(dst, 2, c.Ref)
	dst = appendUnsigned(dst, 3, uint64(c.Side))
	dst = appendUnsigned(dst, 4, uint64(c.Type))
	dst = appendInteger(dst, 5, c.Price)
	dst = appendInteger(dst, 6, c.Volume)
	dst = appendInteger(dst, 7, c.Value)
	dst = appendBool(dst, 8, c.PostOnly)
	dst = appendUnsigned(dst, 9, uint64(c.TimeInForce))
	dst = appendInteger(dst, 10, c.Exits.Stop)
	dst = appendInteger(dst, 11, c.Exits.Target)
	dst = appendString(dst, 12, c.Name)
	dst = appendDouble(dst, 13, c.Number)
	dst = appendString(dst, 14, c.Text)
	dst = appendString(dst, 15, c.Pair)
	return closeMessage(dst, mark)
}

// AnswerReader reads an answer reaction by reaction. To the host it is input
// from a stranger: what one bot said wrongly is that bot's error, and only an
// answer that cannot be taken apart is one for all (rule RK4).
type AnswerReader struct {
	// Index is the bot's place in the batch.
	Index int
	// Commands are what it asks for, appended to what was there before.
	Commands []strategy.Command
	// Snapshot is its state; nil if it was not asked for.
	Snapshot *strategy.Snapshot
	// Failure is what the strategy's side reports; "" is none.
	Failure string
	// Refused is why the reaction cannot be used; its commands are dropped.
	Refused error

	answer fields
	names  map[string]string
	err    error
}

// Reset begins an answer; commands is the space to append to.
func (r *AnswerReader) Reset(answer []byte, commands []strategy.Command) {
	names := r.names
	if names == nil || len(names) > MaxCommands {
		names = make(map[string]string)
	}
	*r = AnswerReader{Commands: commands, answer: fields{rest: answer}, names: names}
}

// Err returns why Next returned false before the end; it is ErrMalformed.
func (r *AnswerReader) Err() error { return r.err }

// Next goes to the next reaction; it returns false at the end and after an
// error.
func (r *AnswerReader) Next() bool {
	for r.answer.next() {
		if !r.answer.is(1, protowire.BytesType) {
			continue
		}
		before := len(r.Commands)
		r.Index, r.Snapshot, r.Failure, r.Refused = 0, nil, "", nil
		if r.Refused = r.read(r.answer.bytes); r.Refused != nil {
			r.Commands = r.Commands[:before]
		}
		return true
	}
	if r.answer.err != nil {
		r.err = fmt.Errorf("live answer: %w", r.answer.err)
	}
	return false
}

func (r *AnswerReader) read(message []byte) error {
	f := fields{rest: message}
	count := 0
	for f.next() {
		switch {
		case f.is(1, protowire.VarintType):
			r.Index = int(min(f.value, math.MaxInt32))
		case f.is(2, protowire.BytesType):
			if count++; count > MaxCommands {
				return fmt.Errorf("more than %d commands for one event: %w", MaxCommands, ErrMalformed)
			}
			r.Commands = append(r.Commands, strategy.Command{})
			if err := r.command(&r.Commands[len(r.Commands)-1], f.bytes); err != nil {
				return fmt.Errorf("command %d: %w", count, err)
			}
		case f.is(3, protowire.BytesType):
			text, err := text("error", f.bytes, 4*MaxText)
			if err != nil {
				return err
			}
			r.Failure = text
		case f.is(4, protowire.BytesType):
			s, err := readState(f.bytes)
			if err != nil {
				return err
			}
			r.Snapshot = &s
		}
	}
	return f.err
}

func (r *AnswerReader) command(c *strategy.Command, message []byte) error {
	f := fields{rest: message}
	for f.next() {
		switch f.kind {
		case protowire.VarintType:
			readNumber(c, &f)
		case protowire.BytesType:
			switch f.number {
			case 12:
				c.Name, f.err = r.name(f.bytes)
			case 14:
				c.Text, f.err = text("text", f.bytes, MaxText)
			case 15:
				c.Pair, f.err = r.name(f.bytes)
			}
		case protowire.Fixed64Type:
			if f.number == 13 {
				c.Number = math.Float64frombits(f.value)
			}
		}
	}
	switch {
	case f.err != nil:
		return f.err
	case c.Kind == 0:
		return fmt.Errorf("it has no kind: %w", ErrMalformed)
	case math.IsNaN(c.Number) || math.IsInf(c.Number, 0):
		return fmt.Errorf("%s %q has the value %v, which is no number: %w", c.Kind, c.Name, c.Number, ErrMalformed)
	}
	return nil
}

func readNumber(c *strategy.Command, f *fields) {
	switch f.number {
	case 1:
		c.Kind = small(f, "command kind", strategy.PlotCommand)
	case 2:
		c.Ref = f.value
	case 3:
		c.Side = small(f, "side", exchange.Sell)
	case 4:
		c.Type = small(f, "order type", exchange.LimitOrder)
	case 5:
		c.Price = integer[exchange.Ticks](f)
	case 6:
		c.Volume = integer[exchange.Steps](f)
	case 7:
		c.Value = integer[exchange.Units](f)
	case 8:
		c.PostOnly = f.value != 0
	case 9:
		c.TimeInForce = small(f, "time in force", exchange.FOK)
	case 10:
		c.Exits.Stop = integer[exchange.Ticks](f)
	case 11:
		c.Exits.Target = integer[exchange.Ticks](f)
	}
}

// name returns the name of a plot or a pair; there are few, which come again with
// every candle.
func (r *AnswerReader) name(b []byte) (string, error) {
	if known, ok := r.names[string(b)]; ok {
		return known, nil
	}
	name, err := text("name", b, MaxName)
	if err == nil {
		r.names[name] = name
	}
	return name, err
}

func readState(message []byte) (s strategy.Snapshot, err error) {
	f := fields{rest: message}
	for f.next() {
		switch {
		case f.is(1, protowire.VarintType):
			s.Version = int(int64(f.value))
		case f.is(2, protowire.BytesType):
			s.Data = append(s.Data[:0], f.bytes...)
		}
	}
	return s, f.err
}

func text(what string, b []byte, limit int) (string, error) {
	switch {
	case len(b) > limit:
		return "", fmt.Errorf("the %s has %d bytes, the limit is %d: %w", what, len(b), limit, ErrMalformed)
	case !utf8.Valid(b):
		return "", fmt.Errorf("the %s is not UTF-8: %w", what, ErrMalformed)
	}
	return string(b), nil
}

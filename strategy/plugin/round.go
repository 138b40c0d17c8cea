package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// Delivery is one event and the bots that get it.
type Delivery struct {
	Event strategy.Event
	Bots  []Recipient
}

// Recipient is a bot that gets an event.
type Recipient struct {
	// Bot is the number that it was opened under.
	Bot uint64
	// Snapshot asks for the bot's state after the event.
	Snapshot bool
	// View is what it is shown of its account; it is only read.
	View *strategy.View
}

// Reaction is what one bot did with one event.
type Reaction struct {
	// Commands are what it asks for. Kinds, sides and numbers are of the known
	// sorts; whether they make sense is for the engine to judge.
	Commands []strategy.Command
	// Snapshot is its state, if that was asked for.
	Snapshot *strategy.Snapshot
	// Err is a *BotError: the strategy panicked, the bot is not open, or it
	// answered garbage. The bot must be opened anew; the others are unharmed.
	Err error
}

// Round is one batched call with its answer. A caller keeps it and uses it
// again, so that rounds cost no memory; it is not safe for concurrent use.
type Round struct {
	// Deliveries are handled in their order. A bot may be in several of them,
	// with a view each.
	Deliveries []Delivery
	// Reactions has one entry for every recipient, counted through all
	// deliveries. Client.Live sets it; it is valid until the next call.
	Reactions []Reaction

	batch    []byte // in a frame
	asked    []bool // for a state, of each recipient
	reader   wire.AnswerReader
	commands []strategy.Command
	spans    []span
}

// span is where the commands of a reaction are.
type span struct{ index, from, to int }

// BotError is what a plugin reports of one bot.
type BotError struct {
	Text string
	// Faults are what is wrong with the bot's parameters, if that is it.
	Faults param.Errors
}

// Error implements error.
func (e *BotError) Error() string { return e.Text }

// As makes errors.As find the faults.
func (e *BotError) As(target any) bool {
	to, ok := target.(*param.Errors)
	if ok && len(e.Faults) > 0 {
		*to = e.Faults
		return true
	}
	return false
}

// Live delivers the round's events and sets its reactions: by the line if there
// is one and no other round is on it, else by gRPC. The error means that
// the call as a whole failed: the process is gone, late, or its answer cannot
// be read (ErrGarbage).
func (c *Client) Live(ctx context.Context, r *Round) error {
	r.batch, r.asked = wire.OpenFrame(r.batch), r.asked[:0]
	count := 0
	for i := range r.Deliveries {
		d := &r.Deliveries[i]
		var mark int
		r.batch, mark = wire.OpenDelivery(r.batch, &d.Event)
		for _, b := range d.Bots {
			r.batch, r.asked = wire.AppendView(r.batch, b.Bot, b.Snapshot, b.View), append(r.asked, b.Snapshot)
		}
		r.batch = wire.CloseDelivery(r.batch, mark)
		count += len(d.Bots)
	}
	if cap(r.Reactions) < count {
		r.Reactions = make([]Reaction, count)
	}
	r.Reactions = r.Reactions[:count]
	clear(r.Reactions)
	if c.line.acquire() {
		defer c.line.release()
		answer, err := c.line.call(ctx, r.batch)
		if err != nil {
			return fmt.Errorf("delivering %d events: %w", count, err)
		}
		return r.read(answer)
	}
	reply, err := c.rpc.Live(ctx, &pluginpb.LiveRequest{Batch: r.batch[wire.FrameHeader:]})
	if err != nil {
		return fmt.Errorf("delivering %d events: %w", count, err)
	}
	return r.read(reply.GetAnswer())
}

// read takes the answer apart.
func (r *Round) read(answer []byte) error {
	r.spans = r.spans[:0]
	r.reader.Reset(answer, r.commands[:0])
	last, from := -1, 0
	for r.reader.Next() {
		index := r.reader.Index
		if index <= last || index >= len(r.Reactions) {
			return fmt.Errorf("%w: a reaction of recipient %d after %d, of %d", ErrGarbage, index, last, len(r.Reactions))
		}
		last = index
		reaction := &r.Reactions[index]
		if s := r.reader.Snapshot; s != nil && r.asked[index] {
			if reaction.Err = checkState(*s); reaction.Err == nil {
				reaction.Snapshot = s
			}
		}
		switch {
		case r.reader.Refused != nil:
			reaction.Snapshot, reaction.Err = nil, &BotError{Text: "the strategy answered garbage: " + r.reader.Refused.Error()}
		case r.reader.Failure != "":
			reaction.Err = &BotError{Text: cut(r.reader.Failure, wire.MaxText)}
		}
		r.spans = append(r.spans, span{index: index, from: from, to: len(r.reader.Commands)})
		from = len(r.reader.Commands)
	}
	if err := r.reader.Err(); err != nil {
		return errors.Join(ErrGarbage, err)
	}
	r.commands = r.reader.Commands
	for _, s := range r.spans {
		r.Reactions[s.index].Commands = r.commands[s.from:s.to:s.to]
	}
	return nil
}

package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// Subject is a strategy that is being checked: what a host's process offers. No
// bot is in two calls at once.
type Subject interface {
	// Backtest runs the engine on the strategy's side.
	Backtest(ctx context.Context, cfg backtest.Config, src marketdata.Source, progress func(done int64)) (*backtest.Result, error)
	// Close forgets bots.
	Close(ctx context.Context, bots []uint64) error
	// Live delivers a round's events and sets its reactions.
	Live(ctx context.Context, r *plugin.Round) error
	// Manifest is what the strategy tells of itself.
	Manifest() plugin.Manifest
	// Open opens bots and returns what became of each, in the same order.
	Open(ctx context.Context, bots []strategy.OpenInput) ([]Opened, error)
	// Snapshot returns the states of bots, in the same order.
	Snapshot(ctx context.Context, bots []uint64) ([]plugin.State, error)
}

// Opened is a bot that was opened, or could not be.
type Opened struct {
	// Bot is the number by which rounds name it.
	Bot uint64
	plugin.Opened
}

// Start begins a Subject that shares no memory with one begun before. End is
// called once, when it is done with.
type Start func(ctx context.Context) (s Subject, end func(), err error)

// Loopback returns the start of a strategy in this process behind real gRPC.
func Loopback(def strategy.Definition) Start {
	return func(ctx context.Context) (Subject, func(), error) {
		client, stop, err := plugin.Loopback(def)
		if err != nil {
			return nil, nil, err
		}
		manifest, err := client.Describe(ctx)
		if err != nil {
			stop()
			return nil, nil, err
		}
		return &wired{Client: client, manifest: manifest}, stop, nil
	}
}

// wired is a client of a strategy; it numbers the bots.
type wired struct {
	*plugin.Client
	manifest plugin.Manifest
	last     uint64
}

var _ Subject = (*wired)(nil)

// Manifest implements Subject.
func (w *wired) Manifest() plugin.Manifest { return w.manifest }

// Open implements Subject.
func (w *wired) Open(ctx context.Context, bots []strategy.OpenInput) ([]Opened, error) {
	requests, out := make([]plugin.OpenBot, len(bots)), make([]Opened, len(bots))
	for i, b := range bots {
		w.last++
		requests[i], out[i].Bot = plugin.OpenBot{Bot: w.last, OpenInput: b}, w.last
	}
	opened, err := w.Client.Open(ctx, requests)
	if err != nil {
		return nil, err
	}
	for i, o := range opened {
		out[i].Opened = o
	}
	return out, nil
}

// openOne opens one bot, which must be taken.
func openOne(ctx context.Context, s Subject, in strategy.OpenInput) (Opened, error) {
	opened, err := s.Open(ctx, []strategy.OpenInput{in})
	if err != nil {
		return Opened{}, err
	}
	return opened[0], opened[0].Err
}

// deliverTo returns what gives a bot its events, each in a round of its own.
func deliverTo(ctx context.Context, s Subject, bot uint64) Deliver {
	round := &plugin.Round{Deliveries: []plugin.Delivery{{Bots: []plugin.Recipient{{Bot: bot}}}}}
	return func(view *strategy.View, ev *strategy.Event) ([]strategy.Command, error) {
		d := &round.Deliveries[0]
		d.Event, d.Bots[0].View = *ev, view
		if err := s.Live(ctx, round); err != nil {
			return nil, err
		}
		return round.Reactions[0].Commands, round.Reactions[0].Err
	}
}

// faulty reports whether an error says what is wrong with parameters.
func faulty(err error) bool {
	var one *plugin.BotError
	return errors.As(err, &one) && len(one.Faults) > 0
}

// panicked reports whether an error tells a panic of the strategy.
func panicked(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), (&strategy.PanicError{Value: ""}).Error())
}

// wants reports whether the bot's strategy handles events of a kind.
func (o Opened) wants(k strategy.EventKind) bool { return slices.Contains(o.Wants, k) }

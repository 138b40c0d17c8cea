package strategytest

import (
	"context"
	"errors"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/strategytest/conformance"
)

// inProcess returns the start of a strategy that is called directly: what the
// wire must make no difference to.
func inProcess(def strategy.Definition) conformance.Start {
	return func(context.Context) (conformance.Subject, func(), error) { return &direct{def: def}, func() {}, nil }
}

// direct is a strategy of this process. Bots are numbered from 1.
type direct struct {
	def  strategy.Definition
	bots []*strategy.Instance
}

var _ conformance.Subject = (*direct)(nil)

// errUnknownBot means that a bot was not opened here.
var errUnknownBot = errors.New("the bot is not open")

// Manifest implements conformance.Subject.
func (d *direct) Manifest() plugin.Manifest { return plugin.ManifestOf(d.def) }

// Open implements conformance.Subject.
func (d *direct) Open(_ context.Context, bots []strategy.OpenInput) ([]conformance.Opened, error) {
	out := make([]conformance.Opened, len(bots))
	for i, in := range bots {
		instance, err := d.def.Open(in)
		if err != nil {
			out[i].Err = err
			continue
		}
		d.bots = append(d.bots, instance)
		out[i].Bot, out[i].Warmup, out[i].Subscription = uint64(len(d.bots)), instance.Warmup(), instance.Subscription()
		for kind := strategy.CandleEvent; kind <= strategy.LastEvent; kind++ {
			if instance.Wants(kind) {
				out[i].Wants = append(out[i].Wants, kind)
			}
		}
	}
	return out, nil
}

func (d *direct) bot(number uint64) (*strategy.Instance, error) {
	if number == 0 || number > uint64(len(d.bots)) {
		return nil, errUnknownBot
	}
	return d.bots[number-1], nil
}

// Live implements conformance.Subject.
func (d *direct) Live(_ context.Context, r *plugin.Round) error {
	r.Reactions = r.Reactions[:0]
	for i := range r.Deliveries {
		for _, to := range r.Deliveries[i].Bots {
			var reaction plugin.Reaction
			bot, err := d.bot(to.Bot)
			if err == nil {
				reaction.Commands, err = bot.TryDeliver(to.View, &r.Deliveries[i].Event)
			}
			if err == nil && to.Snapshot {
				var state strategy.Snapshot
				state, err = bot.Snapshot()
				reaction.Snapshot = &state
			}
			reaction.Err = err
			r.Reactions = append(r.Reactions, reaction)
		}
	}
	return nil
}

// Snapshot implements conformance.Subject.
func (d *direct) Snapshot(_ context.Context, bots []uint64) ([]plugin.State, error) {
	out := make([]plugin.State, len(bots))
	for i, number := range bots {
		bot, err := d.bot(number)
		if err == nil {
			out[i].Snapshot, err = bot.Snapshot()
		}
		out[i].Err = err
	}
	return out, nil
}

// Close implements conformance.Subject; it keeps what little a bot takes.
func (*direct) Close(context.Context, []uint64) error { return nil }

// Backtest implements conformance.Subject.
func (d *direct) Backtest(ctx context.Context, cfg backtest.Config, src marketdata.Source, progress func(done int64)) (*backtest.Result, error) {
	return backtest.Run(ctx, d.def, cfg, src, progress)
}

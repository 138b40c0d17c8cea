package demo

import (
	"context"

	"github.com/lunobot/lunobot/exchange"
)

// Stream plays a pair's ticks and closed one-minute candles, each when its
// market time has come, until ctx ends; it returns ctx's error. It begins with
// what follows the moment of the call. After a pause of the process it catches
// up without leaving anything out.
func (r *Replay) Stream(ctx context.Context, pair string, sink func(exchange.StreamEvent)) error {
	p, err := r.lookup(pair)
	if err != nil {
		return err
	}
	begin := r.now()
	for index := indexOf(begin); ; index++ {
		ticks, n := p.path(index)
		for _, tick := range ticks[:n] {
			if tick.Time <= begin {
				continue
			}
			if err := r.wait(ctx, tick.Time); err != nil {
				return err
			}
			sink(exchange.StreamEvent{Tick: &tick})
		}
		candle := p.candle(index)
		if err := r.wait(ctx, candle.Time+minute); err != nil {
			return err
		}
		sink(exchange.StreamEvent{Candle: &candle})
	}
}

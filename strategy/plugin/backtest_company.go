package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// companionOf returns a source that brings more than candles, or nil.
func companionOf(src marketdata.Source) backtest.Companion {
	if c, ok := src.(backtest.Companion); ok && c.Carries().Any() {
		return c
	}
	return nil
}

// sendBeside sends what came beside a block, ahead of it and in parts that a
// message carries.
func (s *candleSender) sendBeside(ctx context.Context, until int64) error {
	b, err := s.companion.Beside(ctx, until)
	if err != nil {
		return err
	}
	for trades := range slices.Chunk(b.Trades, wire.MaxBlock) {
		out := &pluginpb.BacktestInput{Trades: make([]*pluginpb.Trade, len(trades))}
		for i := range trades {
			t := &trades[i]
			out.Trades[i] = &pluginpb.Trade{
				Pair: t.Pair, Sequence: t.Sequence, Time: t.Time, Price: int64(t.Price), Volume: int64(t.Volume), Taker: uint32(t.Taker),
			}
		}
		if s.stream.Send(out) != nil {
			return errGone
		}
	}
	var encoder wire.CandleEncoder
	for _, pair := range s.companion.Carries().Pairs {
		var candles []exchange.Candle
		for i := range b.Pairs {
			if b.Pairs[i].Pair == pair {
				candles = append(candles, b.Pairs[i].Candle)
			}
		}
		for part := range slices.Chunk(candles, wire.MaxBlock) {
			out := &pluginpb.BacktestInput{Pairs: []*pluginpb.PairCandles{{Pair: pair, Candles: encoder.Append(nil, part)}}}
			if s.stream.Send(out) != nil {
				return errGone
			}
		}
	}
	return nil
}

// maxBeside bounds what may come beside one block, so that a mistake of the
// host's does not fill the memory.
const maxBeside = 4 << 20

// besideReader gathers what comes beside the next block.
type besideReader struct {
	decoder wire.CandleDecoder
	beside  backtest.Beside
}

func (r *besideReader) add(in *pluginpb.BacktestInput) error {
	for _, t := range in.GetTrades() {
		if t.GetTaker() > uint32(exchange.Sell) {
			return fmt.Errorf("the host names the side %d", t.GetTaker())
		}
		r.beside.Trades = append(r.beside.Trades, exchange.Trade{
			Pair: t.GetPair(), Sequence: t.GetSequence(), Time: t.GetTime(), Price: exchange.Ticks(t.GetPrice()), Volume: exchange.Steps(t.GetVolume()),
			Taker: exchange.Side(t.GetTaker()),
		})
	}
	for _, p := range in.GetPairs() {
		block, err := r.decoder.Decode(nil, p.GetCandles())
		if err != nil {
			return err
		}
		for _, c := range block {
			r.beside.Pairs = append(r.beside.Pairs, backtest.PairCandle{Pair: p.GetPair(), Candle: c})
		}
	}
	if len(r.beside.Trades)+len(r.beside.Pairs) > maxBeside {
		return errors.New("the host sends too much beside one block of candles")
	}
	return nil
}

// take returns what was gathered, oldest first.
func (r *besideReader) take() backtest.Beside {
	b := r.beside
	r.beside = backtest.Beside{}
	slices.SortStableFunc(b.Pairs, func(a, b backtest.PairCandle) int { return cmp.Compare(a.Candle.Time, b.Candle.Time) })
	return b
}

// accompanied is a columnFeed that brings more than candles.
type accompanied struct {
	*columnFeed
	carries strategy.Subscription
}

var (
	_ candleFeed         = (*accompanied)(nil)
	_ backtest.Companion = (*accompanied)(nil)
)

// Carries implements backtest.Companion.
func (f *accompanied) Carries() strategy.Subscription { return f.carries }

// Beside implements backtest.Companion: the host has cut it at the block's end.
func (f *accompanied) Beside(context.Context, int64) (backtest.Beside, error) { return f.beside, nil }

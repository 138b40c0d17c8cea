package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
)

type historyDownloadCommand struct {
	storeFlags
	Pair     string `required:"" placeholder:"PAIR" help:"Luno's name of the market, such as XBTMYR."`
	Interval string `default:"1m" placeholder:"LENGTH" help:"Length of the candles. Default: ${default}."`
	From     string `required:"" placeholder:"TIME" help:"First candle: a date or RFC 3339, UTC."`
	To       string `placeholder:"TIME" help:"End, itself left out: a date or RFC 3339, UTC. Default: now."`
	Tick     string `placeholder:"NUMBER" help:"Smallest step of prices. Default: Luno's. A finer one keeps prices of a time when Luno's was finer."`
	Step     string `placeholder:"NUMBER" help:"Smallest step of volumes. Default: Luno's."`
	Replace  bool   `help:"Let candles take the place of others of the same time."`
	KeyID    string `env:"LUNO_KEY_ID" placeholder:"ID" help:"Id of a Luno API key; one without any right to trade will do. Luno gives candles to key holders only."`
	Secret   string `env:"LUNO_KEY_SECRET" placeholder:"SECRET" help:"Its secret. Better left in the environment, where a list of processes does not show it."`
	URL      string `name:"url" default:"https://api.luno.com" hidden:"" help:"Another address, for tests; a key is sent to Luno and to this machine only."`
}

// Run fetches what the store lacks. It can be interrupted at any time; the next
// run goes on.
func (d historyDownloadCommand) Run(ctx context.Context, c *console) error {
	from, errFrom := parseWhen("--from", d.From)
	to, errTo := parseWhen("--to", d.To)
	length, err := parseLength(d.Interval)
	if err != nil || !slices.Contains(luno.Intervals(), length) {
		var names []string
		for _, l := range luno.Intervals() {
			names = append(names, archive.IntervalName(l))
		}
		err = input("--interval %s is none that Luno has: %s", d.Interval, strings.Join(names, ", "))
	}
	if to.IsZero() {
		to = time.Now().UTC()
	}
	if err := errors.Join(errFrom, errTo, err); err != nil {
		return err
	}
	if !from.Before(to) {
		return input("--from %s must be before --to", d.From)
	}
	if d.KeyID == "" || d.Secret == "" {
		return input("Luno gives candles to holders of an API key only: set LUNO_KEY_ID and LUNO_KEY_SECRET")
	}
	client, err := luno.New(luno.Config{BaseURL: d.URL, KeyID: d.KeyID, Secret: luno.Secret(d.Secret)})
	if err != nil {
		return inputError{err}
	}
	a, err := d.open()
	if err != nil {
		return err
	}
	m, err := d.market(ctx, client)
	if err != nil {
		return refused(ctx, err)
	}
	bar, reached := newProgress(c.problems, int64(to.Sub(from)/length)), from
	changes, err := a.Fetch(ctx, archive.FetchInput{
		WriterConfig: archive.WriterConfig{Interval: length, Market: m, Origin: "Luno", Replace: d.Replace}, From: from, To: to,
		Page: func(ctx context.Context, since time.Time) ([]exchange.Candle, error) {
			return client.CandlesIn(ctx, m, length, since)
		},
		Progress: func(at time.Time) {
			reached = at
			bar.set(int64(at.Sub(from) / length))
		},
	})
	bar.clear()
	if ctx.Err() != nil {
		return interruptedError{fmt.Sprintf("%d new candles are stored; run the same command again to go on", changes.Added)}
	}
	if err != nil {
		return refused(ctx, stored(err))
	}
	fmt.Fprintf(c.out, "stored %d new candles of %s %s\n", changes.Added, m.Pair, archive.IntervalName(length))
	if reached.Before(to.Truncate(length)) {
		fmt.Fprintf(c.out, "Luno has no closed candle from %s on\n", minuteText(reached))
	}
	return nil
}

// market returns the market with the tick and the step that the candles are
// kept in.
func (d historyDownloadCommand) market(ctx context.Context, client *luno.Client) (exchange.Market, error) {
	m, err := client.Market(ctx, pairName(d.Pair))
	if err != nil {
		return m, err
	}
	for _, f := range []struct {
		flag, text string
		to         *decimal.Decimal
	}{{"--tick", d.Tick, &m.Tick}, {"--step", d.Step, &m.Step}} {
		if f.text == "" {
			continue
		}
		finer, err := decimal.NewFromString(f.text)
		if err != nil || !finer.IsPositive() || finer.Exponent() < -18 || !f.to.Mod(finer).IsZero() {
			return m, input("%s %s must go into Luno's, which is %s, without a rest", f.flag, f.text, f.to)
		}
		// The bounds count ticks and steps.
		times, most := f.to.Div(finer), int64(m.MaxPrice)
		if f.flag == "--step" {
			most = int64(m.MaxVolume)
		}
		if !times.Mul(decimal.NewFromInt(most)).BigInt().IsInt64() {
			return m, input("%s %s is too fine: Luno's greatest number has too many of it", f.flag, f.text)
		}
		if n := times.IntPart(); f.flag == "--tick" {
			m.MinPrice, m.MaxPrice = m.MinPrice*exchange.Ticks(n), m.MaxPrice*exchange.Ticks(n)
		} else {
			m.MinVolume, m.MaxVolume = m.MinVolume*exchange.Steps(n), m.MaxVolume*exchange.Steps(n)
		}
		*f.to = finer
	}
	return m, nil
}

// refused tells what Luno refuses for good, such as a key or a pair, from what
// may pass.
func refused(ctx context.Context, err error) error {
	var answer *exchange.Error
	if ctx.Err() == nil && errors.As(err, &answer) && answer.Outcome == exchange.OutcomeRejected {
		return inputError{err}
	}
	return err
}

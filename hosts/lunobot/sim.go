package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

// simCommand serves a simulated Luno.
type simCommand struct {
	Addr      string        `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Address to listen on; port 0 takes a free one. Default: ${default}."`
	Seed      uint64        `default:"1" help:"Decides keys, ids and what the traders do. Default: ${default}."`
	RateLimit int           `default:"300" placeholder:"CALLS" help:"Calls a minute of an account; 0 is no limit. Default: ${default}."`
	Markets   []string      `default:"XBTMYR,ETHMYR" placeholder:"PAIR,…" help:"Markets to offer. Default: ${default}."`
	Accounts  int           `default:"1" help:"Accounts, each with three keys: to trade, to read, and one that could withdraw. Default: ${default}."`
	Faults    string        `type:"path" placeholder:"FILE" help:"Faults to begin with, as a JSON list."`
	State     string        `type:"path" placeholder:"FILE" help:"File to keep orders, balances and trades in, over restarts and kill -9. Seed, markets, accounts, fees and a replay stay those of its first start; a replay goes on where it would be."`
	BaseFees  bool          `help:"Take fees in the base currency."`
	Traders   string        `enum:"random,replay,none" default:"random" help:"Who moves the markets: random traders, a replay of recorded candles (XBTMYR and ETHMYR), or nobody. Default: ${default}."`
	Pause     time.Duration `default:"200ms" help:"Pause between two steps of the random traders. Default: ${default}."`
	Speed     float64       `default:"60" help:"Minutes of the recording in a minute of the replay. Default: ${default}."`
}

// simHistory is how many candles a market with a recording has behind it.
const simHistory = 3 * 24 * 60

// simReady is the first line on standard output.
type simReady struct {
	Rest   string        `json:"rest"`
	Stream string        `json:"stream"`
	Keys   []lunosim.Key `json:"keys"`
}

// Run serves until it is interrupted.
func (c simCommand) Run(ctx context.Context, console *console) error {
	sim, recorded, err := c.open(time.Now, slog.New(slog.NewTextHandler(console.problems, nil)))
	if err != nil {
		return err
	}
	defer sim.Close()
	if err := c.faults(sim); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return input("--addr: %w", err)
	}
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	host := listener.Addr().String()
	if err := json.NewEncoder(console.out).Encode(simReady{Rest: "http://" + host, Stream: "ws://" + host, Keys: sim.Keys()}); err != nil {
		return err
	}
	fmt.Fprintf(console.problems, "lunobot: a simulated Luno with play money; http://%s shows what it does\n", host)
	group, ctx := errgroup.WithContext(ctx)
	keeping, endKeeping := context.WithCancel(context.WithoutCancel(ctx))
	defer endKeeping()
	group.Go(func() error { return sim.Keep(keeping) })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		defer endKeeping() // after the last answer
		sim.Close()        // ends the streams and what hangs
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(end); err != nil {
			return server.Close()
		}
		return nil
	})
	for _, pair := range c.Markets {
		if err := c.move(ctx, group, sim, recorded, pair); err != nil {
			return err
		}
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// open builds the simulator, or finds it in its file, and the recording that its markets
// can follow from when it first began.
func (c simCommand) open(now func() time.Time, log *slog.Logger) (*lunosim.Sim, *demo.Replay, error) {
	if c.Accounts < 1 || c.Accounts > 100 || c.Pause <= 0 {
		return nil, nil, input("--accounts must be between 1 and 100 and --pause above 0")
	}
	recording := demo.Config{Now: now, Seed: c.Seed, Speed: c.Speed}
	past, err := demo.New(recording)
	if err != nil {
		return nil, nil, input("%w", err)
	}
	markets, err := c.markets(past, now().Truncate(time.Minute))
	if err != nil {
		return nil, nil, err
	}
	cfg := lunosim.Config{
		Accounts: lunosim.DefaultAccounts(c.Seed, c.Accounts), BaseFees: c.BaseFees, Limit: c.RateLimit, Log: log, Markets: markets, Now: now, Seed: c.Seed, State: c.State,
	}
	if c.Traders == "replay" {
		cfg.Course = fmt.Sprintf("--traders replay --speed %v", past.Speed())
	}
	sim, err := lunosim.New(cfg)
	if err != nil {
		return nil, nil, input("%w", err)
	}
	recording.Anchor.Wall = sim.Began()
	recorded, err := demo.New(recording)
	if err != nil {
		sim.Close()
		return nil, nil, input("%w", err)
	}
	return sim, recorded, nil
}

// markets finds the markets that were asked for, those that are recorded with a past.
func (c simCommand) markets(recorded *demo.Replay, now time.Time) ([]lunosim.Market, error) {
	all := lunosim.Markets()
	var out []lunosim.Market
	for _, pair := range c.Markets {
		i := slices.IndexFunc(all, func(m lunosim.Market) bool { return m.Pair == pair })
		if i < 0 {
			var names []string
			for _, m := range all {
				names = append(names, m.Pair)
			}
			return nil, input("--markets: there is no %q; there are %s", pair, strings.Join(names, ", "))
		}
		m := all[i]
		for index := int64(-simHistory); index < 0; index++ {
			k := recorded.Candle(pair, index)
			if k.Valid() {
				k.Time = now.UnixMilli() + index*time.Minute.Milliseconds()
				m.History = append(m.History, k)
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// faults lets the faults of the file begin.
func (c simCommand) faults(sim *lunosim.Sim) error {
	if c.Faults == "" {
		return nil
	}
	file, err := os.Open(c.Faults)
	if err != nil {
		return input("--faults %s: %w", c.Faults, reasonOf(err))
	}
	defer file.Close() //nolint:errcheck // it is only read
	list, err := lunosim.ReadFaults(file)
	if err == nil {
		_, err = sim.AddFaults(list)
	}
	if err != nil {
		return input("--faults %s: %w", c.Faults, err)
	}
	return nil
}

// move lets somebody trade in a market.
func (c simCommand) move(ctx context.Context, group *errgroup.Group, sim *lunosim.Sim, recorded exchange.Streamer, pair string) error {
	switch {
	case c.Traders == "none":
	case c.Traders == "replay" && (pair == demo.XBTMYR || pair == demo.ETHMYR):
		group.Go(func() error { return sim.Follow(ctx, pair, recorded) })
	default:
		traders, err := sim.NewTraders(pair)
		if err != nil {
			return err
		}
		group.Go(func() error { return traders.Run(ctx, c.Pause) })
	}
	return nil
}

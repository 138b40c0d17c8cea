// Program live takes a bot live: a simulated Luno, Lunobot and the bot run in this one
// process, and the bot's orders go over HTTP to the exchange, as they would to Luno. It
// ends when the bot has bought and sold.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
	"github.com/lunobot/lunobot/tenancy"
)

const pair = "XBTMYR"

func main() {
	shim := sandbox.Serve() // the App shuts its strategies in by executing this program again
	bundle, err := plugin.NewBundle(basic.Definition())
	if err == nil {
		bundle.ServeIfChild() // the App starts its strategies by executing this program again
		err = run(context.Background(), saas.Config{Shim: shim, Strategies: bundle})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg saas.Config) error {
	ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
	defer stop()
	sim, server, venue, err := open()
	if err != nil {
		return err
	}
	defer server.Close()
	defer sim.Close()
	// A recording, two hundred times as fast: the exchange trades at its prices, and the
	// bot decides by them. A program of one's own would read both from the exchange.
	tape, err := demo.New(demo.Config{Anchor: demo.Anchor{Wall: time.Now()}, Seed: 11, Speed: 200})
	if err != nil {
		return err
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := sim.Follow(ctx, pair, tape); ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "the recording:", err)
			stop()
		}
	}()
	defer func() {
		stop()
		<-over
	}()

	if cfg.DataDir, err = os.MkdirTemp("", "lunobot-live-"); err != nil {
		return err
	}
	defer os.RemoveAll(cfg.DataDir) //nolint:errcheck // it is a temporary folder
	cfg.Venues = map[string]account.Venue{"luno": venue}
	cfg.Live = &saas.LiveMarket{
		Data: func(string) exchange.MarketData { return tape }, Stream: tape, Now: tape.Now, Simulated: true,
		Name: "recording", Notice: "A recording", Title: "the simulated Luno", Venue: "luno",
	}
	app, err := saas.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer app.Stop()
	if err := app.Start(ctx); err != nil {
		return err
	}
	key := sim.Keys()[0] // it may trade, and no more
	if err := goLive(ctx, app, key.ID, key.Secret); err != nil {
		return err
	}
	watcher, err := venue.client(key.ID, key.Secret, nil, nil, nil)
	if err != nil {
		return err
	}
	return watch(ctx, watcher)
}

// goLive signs somebody up whose bot trades on an exchange account.
func goLive(ctx context.Context, app *saas.App, keyID, secret string) error {
	login, err := app.Tenancy().Register(ctx, tenancy.RegisterInput{Email: "lee@example.com", Password: "a long enough phrase", FirstName: "Lee", LastName: "Fe"})
	if err != nil {
		return err
	}
	who := login.Principal
	acc, err := app.Accounts().Connect(ctx, who, account.NewConnect("Mine", "luno", keyID, secret))
	for err == nil && acc.State == account.Checking {
		time.Sleep(50 * time.Millisecond)
		acc, err = app.Accounts().Account(ctx, who, acc.ID)
	}
	if err == nil && acc.State != account.Connected {
		err = errors.New("the account is not connected: " + acc.Reason)
	}
	if err != nil {
		return err
	}
	fmt.Println("the key may trade and no more: the account is connected")
	_, b, err := app.Bots().Create(ctx, who, bot.CreateInput{Name: "trader", Pair: pair, Strategy: "basic", Parameters: []byte(`{"fast":2,"slow":3}`)})
	if err != nil {
		return err
	}
	balance := decimal.NewFromInt(5_000)
	in := bot.GoLiveInput{AccountID: acc.ID, Balance: &balance, Confirm: b.Name, Waive: true} // without the hour on paper that is asked for
	summary, err := app.Bots().Preview(ctx, who, b.ID, in)
	if err != nil {
		return err
	}
	fmt.Printf("of the account's %s, the bot may lose %s at the most\n", summary.Currency, summary.Balance)
	if _, err := app.Bots().GoLive(ctx, who, b.ID, in); err != nil {
		return err
	}
	_, err = app.Bots().Start(ctx, who, b.ID)
	return err
}

// watch tells what the exchange says of the account's trades, until there is a sale.
func watch(ctx context.Context, client *luno.Client) error {
	market, err := client.Market(ctx, pair)
	if err != nil {
		return err
	}
	for last := int64(0); ; {
		fills, err := client.Fills(ctx, pair, last, 100)
		if err != nil {
			return err
		}
		for _, f := range fills {
			last = f.Sequence
			fmt.Printf("the exchange: the bot's %s of %s %s at %s %s\n", f.Side, market.Volume(f.Volume), market.Base, market.Counter, market.FormatPrice(float64(f.Price)))
			if f.Side == exchange.Sell {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

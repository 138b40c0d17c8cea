package boot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/saas"
)

// live returns Luno's market, or a simulated Luno's, at its live prices; nil where the
// options name the demo market. One client, and so one budget of calls, is behind all
// that is asked with the operator's key; bots come before whoever only looks.
func (o Options) live(log *slog.Logger) (*saas.LiveMarket, error) {
	switch o.Market {
	case "", "demo":
		if o.LunoKeyID != "" || o.LunoSecret != "" {
			log.Warn("LUNOBOT_LUNO_KEY_ID and LUNOBOT_LUNO_KEY_SECRET are of no use without LUNOBOT_MARKET=luno")
		}
		return nil, nil //nolint:nilnil // there is none
	case "luno":
	default:
		return nil, fmt.Errorf("LUNOBOT_MARKET %q is neither demo nor luno", o.Market)
	}
	if o.LunoKeyID == "" || o.LunoSecret == "" {
		return nil, errors.New("LUNOBOT_MARKET=luno needs LUNOBOT_LUNO_KEY_ID and LUNOBOT_LUNO_KEY_SECRET: Luno gives candles and streams to holders of an API key only; one without any right to trade will do")
	}
	id, secret := o.LunoKeyID, luno.Secret(o.LunoSecret)
	client, err := luno.New(luno.Config{BaseURL: o.LunoAddress, KeyID: id, Secret: secret, Log: log})
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // the address is at fault, which is told with the other settings
	}
	dialer, err := lunostream.NewDialer(lunostream.DialerConfig{BaseURL: streamAddress(o.LunoAddress), KeyID: id, Secret: secret})
	if err != nil {
		return nil, fmt.Errorf("LUNOBOT_LUNO_ADDRESS: %w", err)
	}
	source, err := lunostream.NewSource(lunostream.SourceConfig{Dialer: dialer, Log: log, Venue: client.Queue("stream")})
	if err != nil {
		return nil, err
	}
	m := &saas.LiveMarket{
		Data: func(caller string) exchange.MarketData {
			if caller == "bots" {
				return client.Queue(caller)
			}
			return client.Spare(caller)
		},
		Key: "the key of LUNOBOT_LUNO_KEY_ID", Name: "luno", Notice: "Luno, live prices", Share: client.Share, Stream: source,
		Tickers: client.Spare("pages").Tickers, Title: "Luno", Venue: "luno",
		Wallets: func(ctx context.Context) (ids []string, err error) {
			balances, err := client.Queue("bots").Balances(ctx)
			for _, b := range balances {
				ids = append(ids, b.Account)
			}
			return ids, err
		},
	}
	for pair := range strings.SplitSeq(o.Pairs, ",") {
		if pair = strings.TrimSpace(pair); pair != "" {
			m.Pairs = append(m.Pairs, pair)
		}
	}
	if address := strings.TrimRight(o.LunoAddress, "/"); address != luno.Address {
		m.Name, m.Title, m.Simulated = "luno-simulated", "the simulated Luno", true
		m.Notice = "Simulated Luno at " + address + ": made-up prices, play money"
	}
	return m, nil
}

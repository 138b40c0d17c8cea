package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/grpc"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// ErrGarbage means that a plugin's answer cannot be read as a whole.
var ErrGarbage = errors.New("the answer is garbage")

// How much goes into one call; more is cut into several.
const (
	openBytes    = 1 << 20
	snapshotBots = 256
	maxFaults    = 100
)

// Client is a host's end of the wire. It is safe for concurrent use as long as
// no bot is in two calls at once. Errors that are neither *BotError nor
// ErrGarbage are gRPC statuses: the process is gone or too late.
type Client struct {
	rpc    pluginpb.StrategyClient
	memory *Memory
	line   *Line
}

// NewClient returns a client of a plugin that serves the connection.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{rpc: pluginpb.NewStrategyClient(conn)}
}

// Share makes backtests use memory that the plugin's process has inherited, if
// its manifest says that it can. It is called before the first of them.
func (c *Client) Share(m *Memory) { c.memory = m }

// Hold makes live rounds go by a line of which the plugin's process has taken the
// other end, as its manifest says. It is called before the first of them.
func (c *Client) Hold(l *Line) { c.line = l }

// Describe returns the plugin's manifest.
func (c *Client) Describe(ctx context.Context) (Manifest, error) {
	reply, err := c.rpc.Describe(ctx, &pluginpb.DescribeRequest{})
	if err != nil {
		return Manifest{}, fmt.Errorf("asking for the manifest: %w", err)
	}
	m, err := readManifest(reply.GetManifest())
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrGarbage, err)
	}
	return m, nil
}

// OpenBot is a bot to be opened under a number of the caller's choice, which no
// other open bot of the process has.
type OpenBot struct {
	Bot uint64
	strategy.OpenInput
}

// Opened is what became of it.
type Opened struct {
	// Warmup is how many candles of the past the strategy wants first.
	Warmup int
	// Wants are the kinds of events that it handles.
	Wants []strategy.EventKind
	// Subscription is what it looks at beyond the candles of its market.
	Subscription strategy.Subscription
	// Err is a *BotError: bad parameters, which are param.Errors too, or a
	// snapshot that cannot be read.
	Err error
}

// Open opens bots and returns what became of each, in the same order.
func (c *Client) Open(ctx context.Context, bots []OpenBot) ([]Opened, error) {
	out := make([]Opened, 0, len(bots))
	for len(bots) > 0 {
		request, size := &pluginpb.OpenRequest{}, 0
		for len(request.Bots) < len(bots) && size < openBytes {
			b, err := openRequest(bots[len(request.Bots)])
			if err != nil {
				return nil, err
			}
			size += len(b.GetParams()) + len(b.GetMarket()) + len(b.GetSnapshot().GetData())
			request.Bots = append(request.Bots, b)
		}
		bots = bots[len(request.Bots):]
		reply, err := c.rpc.Open(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("opening %d bots: %w", len(request.Bots), err)
		}
		if len(reply.GetBots()) != len(request.GetBots()) {
			return nil, fmt.Errorf("%w: %d answers for %d bots", ErrGarbage, len(reply.GetBots()), len(request.GetBots()))
		}
		for i, b := range reply.GetBots() {
			out = append(out, openedOf(b, request.GetBots()[i]))
		}
	}
	return out, nil
}

func openRequest(b OpenBot) (*pluginpb.OpenRequest_Bot, error) {
	market, err := marketOf(b.Market)
	if err != nil {
		return nil, err
	}
	out := &pluginpb.OpenRequest_Bot{Bot: b.Bot, Params: b.Params, Market: market, Interval: int64(b.Interval), Explain: b.Explain, Gives: true}
	for _, m := range b.Also {
		raw, err := marketOf(m)
		if err != nil {
			return nil, err
		}
		out.Also = append(out.Also, raw)
	}
	if b.Snapshot != nil {
		out.Snapshot = &pluginpb.State{Version: int64(b.Snapshot.Version), Data: b.Snapshot.Data}
	}
	return out, nil
}

// openedOf reads what became of a bot that was asked for.
func openedOf(b *pluginpb.OpenReply_Bot, asked *pluginpb.OpenRequest_Bot) Opened {
	if b.GetError() != "" {
		var faults param.Errors
		for _, f := range b.GetFaults()[:min(len(b.GetFaults()), maxFaults)] {
			faults = append(faults, param.Error{Name: cut(f.GetName(), wire.MaxName), Reason: cut(f.GetReason(), wire.MaxText)})
		}
		return Opened{Err: &BotError{Text: cut(b.GetError(), wire.MaxText), Faults: faults}}
	}
	if len(b.GetAlso()) != len(asked.GetAlso()) {
		return Opened{Err: &BotError{Text: "the plugin trades one pair only: it was built with an SDK that does not know of several"}}
	}
	out := Opened{Warmup: int(max(0, b.GetWarmup())), Subscription: subscriptionOf(b.GetSubscription())}
	for _, kind := range b.GetWants() {
		if kind >= uint32(strategy.CandleEvent) && kind <= uint32(strategy.LastEvent) {
			out.Wants = append(out.Wants, strategy.EventKind(kind))
		}
	}
	return out
}

// State is one bot's answer to Snapshot.
type State struct {
	Snapshot strategy.Snapshot
	// Err is a *BotError.
	Err error
}

// Snapshot returns the states of bots, in the same order.
func (c *Client) Snapshot(ctx context.Context, bots []uint64) ([]State, error) {
	out := make([]State, 0, len(bots))
	for len(bots) > 0 {
		n := min(len(bots), snapshotBots)
		reply, err := c.rpc.Snapshot(ctx, &pluginpb.SnapshotRequest{Bots: bots[:n]})
		if err != nil {
			return nil, fmt.Errorf("saving the states of %d bots: %w", n, err)
		}
		if len(reply.GetBots()) != n {
			return nil, fmt.Errorf("%w: %d states of %d bots", ErrGarbage, len(reply.GetBots()), n)
		}
		for _, b := range reply.GetBots() {
			s := strategy.Snapshot{Version: int(b.GetSnapshot().GetVersion()), Data: b.GetSnapshot().GetData()}
			if b.GetError() != "" {
				out = append(out, State{Err: &BotError{Text: cut(b.GetError(), wire.MaxText)}})
			} else if err := checkState(s); err != nil {
				out = append(out, State{Err: err})
			} else {
				out = append(out, State{Snapshot: s})
			}
		}
		bots = bots[n:]
	}
	return out, nil
}

// checkState returns a *BotError that says why a state cannot be kept, or nil.
func checkState(s strategy.Snapshot) error {
	switch {
	case len(s.Data) > strategy.MaxState:
		return &BotError{Text: fmt.Sprintf("the state that the strategy saved has %d KiB, and may have %d", len(s.Data)>>10, strategy.MaxState>>10)}
	case s.Version < 1:
		return &BotError{Text: fmt.Sprintf("the state that the strategy saved is of version %d, which there is not", s.Version)}
	case !json.Valid(s.Data):
		return &BotError{Text: "the state that the strategy saved is not JSON"}
	}
	return nil
}

// Close forgets bots; unknown ones are no error.
func (c *Client) Close(ctx context.Context, bots []uint64) error {
	if _, err := c.rpc.Close(ctx, &pluginpb.CloseRequest{Bots: bots}); err != nil {
		return fmt.Errorf("closing %d bots: %w", len(bots), err)
	}
	return nil
}

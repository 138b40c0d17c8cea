package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// server is the strategy's end of the wire. Calls may come at once; each bot
// handles one event at a time.
type server struct {
	pluginpb.UnimplementedStrategyServer
	def strategy.Definition
	// log gets the stacks of panics. It is the standard error of the process
	// itself, which the host reads to the end whatever becomes of the connection.
	log     io.Writer
	readers sync.Pool
	// memory is what the host shares with this process, nil for nothing. A
	// backtest that uses it holds turn.
	memory *Memory
	turn   chan struct{}
	// collecting sets the collector for backtests.
	collecting sync.Once
	// lined is true if the process has taken the end of a line.
	lined bool

	mu   sync.RWMutex
	bots map[uint64]*openBot
}

// openBot is a bot of this process.
type openBot struct {
	mu       sync.Mutex
	instance *strategy.Instance
	// broken is set by a panic: the state may be half changed, so the bot must
	// be opened anew from its last snapshot. The stack has been reported.
	broken error
}

func newServer(def strategy.Definition) *server {
	return &server{
		def: def, log: os.Stderr, bots: make(map[uint64]*openBot), turn: make(chan struct{}, 1),
		readers: sync.Pool{New: func() any { return new(wire.BatchReader) }},
	}
}

// Describe returns the manifest.
func (s *server) Describe(context.Context, *pluginpb.DescribeRequest) (*pluginpb.DescribeReply, error) {
	m := ManifestOf(s.def)
	if s.lined {
		m.Capabilities = append(m.Capabilities, LiveLine)
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "describing the strategy: %v", err)
	}
	return &pluginpb.DescribeReply{Manifest: manifest}, nil
}

// Open makes strategies for a batch of bots.
func (s *server) Open(_ context.Context, in *pluginpb.OpenRequest) (*pluginpb.OpenReply, error) {
	reply := &pluginpb.OpenReply{Bots: make([]*pluginpb.OpenReply_Bot, len(in.GetBots()))}
	for i, b := range in.GetBots() {
		opened, err := s.open(b)
		if err != nil {
			opened = &pluginpb.OpenReply_Bot{Error: failure(err), Faults: faultsOf(err)}
		}
		reply.Bots[i] = opened
	}
	return reply, nil
}

func (s *server) open(in *pluginpb.OpenRequest_Bot) (out *pluginpb.OpenReply_Bot, err error) {
	defer recoverInto(&err)
	input := strategy.OpenInput{Explain: in.GetExplain(), Interval: time.Duration(in.GetInterval()), Params: in.GetParams()}
	if err := json.Unmarshal(in.GetMarket(), &input.Market); err != nil {
		return nil, fmt.Errorf("reading the market: %w", err)
	}
	for _, raw := range in.GetAlso() {
		var m exchange.Market
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, fmt.Errorf("reading the market of a further pair: %w", err)
		}
		input.Also = append(input.Also, m)
	}
	if state := in.GetSnapshot(); state != nil {
		input.Snapshot = &strategy.Snapshot{Version: int(state.GetVersion()), Data: state.GetData()}
	}
	instance, err := s.def.Open(input)
	if err != nil {
		return nil, err
	}
	subscription := instance.Subscription()
	if subscription.Any() && !in.GetGives() {
		return nil, fmt.Errorf("%s subscribes to more than candles, which this host does not give: upgrade the host", s.def.Info().Name)
	}
	out = &pluginpb.OpenReply_Bot{Warmup: int64(instance.Warmup()), Subscription: wiredSubscription(subscription)}
	for _, m := range input.Also {
		out.Also = append(out.Also, m.Pair)
	}
	for kind := strategy.CandleEvent; kind <= strategy.LastEvent; kind++ {
		if instance.Wants(kind) {
			out.Wants = append(out.Wants, uint32(kind))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.bots[in.GetBot()]; exists {
		return nil, errors.New("the bot is open already")
	}
	s.bots[in.GetBot()] = &openBot{instance: instance}
	return out, nil
}

func (s *server) bot(id uint64) *openBot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.bots[id]
}

// Live delivers a batch of events. What goes wrong with one bot is that bot's
// error alone.
func (s *server) Live(_ context.Context, in *pluginpb.LiveRequest) (*pluginpb.LiveReply, error) {
	answer, err := s.round(nil, in.GetBatch())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return &pluginpb.LiveReply{Answer: answer}, nil
}

// round delivers a batch and appends what the bots say to dst. The error is that
// of a batch that cannot be read.
func (s *server) round(dst, batch []byte) ([]byte, error) {
	reader := s.readers.Get().(*wire.BatchReader) // the pool's New makes nothing else
	defer s.readers.Put(reader)
	reader.Reset(batch)
	for index := 0; reader.Next(); index++ {
		dst = s.deliver(dst, index, reader)
	}
	return dst, reader.Err()
}

// deliver gives a bot its event and appends what it says, if anything.
func (s *server) deliver(answer []byte, index int, r *wire.BatchReader) []byte {
	b := s.bot(r.Bot)
	if b == nil {
		return wire.AppendReaction(answer, index, nil, "the bot is not open", nil)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return wire.AppendReaction(answer, index, nil, failure(b.broken), nil)
	}
	commands, err := b.instance.TryDeliver(&r.View, &r.Event)
	if err != nil {
		b.broken = err
		s.report(err)
		return wire.AppendReaction(answer, index, nil, failure(err), nil)
	}
	commands = tame(commands)
	var snapshot *strategy.Snapshot
	if r.Snapshot {
		state, err := s.snapshot(b)
		if err != nil {
			return wire.AppendReaction(answer, index, commands, failure(err), nil)
		}
		snapshot = &state
	}
	if len(commands) == 0 && snapshot == nil {
		return answer
	}
	return wire.AppendReaction(answer, index, commands, "", snapshot)
}

// tame cuts what is longer than the wire carries. Every engine's own limits are
// lower, so that nothing is lost that would have counted.
func tame(commands []strategy.Command) []strategy.Command {
	commands = commands[:min(len(commands), wire.MaxCommands)]
	for i := range commands {
		c := &commands[i]
		c.Name, c.Text, c.Pair = cut(c.Name, wire.MaxName), cut(c.Text, wire.MaxText), cut(c.Pair, wire.MaxName)
	}
	return commands
}

// cut returns the text as UTF-8 of at most limit bytes.
func cut(text string, limit int) string {
	if len(text) <= limit && utf8.ValidString(text) {
		return text
	}
	text = strings.ToValidUTF8(text, "�")
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}

// report writes the stack of a panic to the log.
func (s *server) report(err error) {
	var p *strategy.PanicError
	if errors.As(err, &p) {
		_, _ = fmt.Fprintf(s.log, "[ERROR] %s: %v\n%s\n", s.def.Info().Name, err, p.Stack)
	}
}

func (s *server) snapshot(b *openBot) (out strategy.Snapshot, err error) {
	if b.broken != nil {
		return strategy.Snapshot{}, b.broken
	}
	defer func() {
		var p *strategy.PanicError
		if errors.As(err, &p) {
			b.broken = err
			s.report(err)
		}
	}()
	defer recoverInto(&err)
	return b.instance.Snapshot()
}

// Snapshot returns the states of a batch of bots.
func (s *server) Snapshot(_ context.Context, in *pluginpb.SnapshotRequest) (*pluginpb.SnapshotReply, error) {
	reply := &pluginpb.SnapshotReply{Bots: make([]*pluginpb.SnapshotReply_Bot, len(in.GetBots()))}
	for i, id := range in.GetBots() {
		state, err := s.state(id)
		if err != nil {
			reply.Bots[i] = &pluginpb.SnapshotReply_Bot{Error: failure(err)}
			continue
		}
		reply.Bots[i] = &pluginpb.SnapshotReply_Bot{Snapshot: &pluginpb.State{Version: int64(state.Version), Data: state.Data}}
	}
	return reply, nil
}

func (s *server) state(id uint64) (strategy.Snapshot, error) {
	b := s.bot(id)
	if b == nil {
		return strategy.Snapshot{}, errors.New("the bot is not open")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return s.snapshot(b)
}

// Close forgets a batch of bots; unknown ones are no error.
func (s *server) Close(_ context.Context, in *pluginpb.CloseRequest) (*pluginpb.CloseReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range in.GetBots() {
		delete(s.bots, id)
	}
	return &pluginpb.CloseReply{}, nil
}

// recoverInto turns a panic of the strategy's code into an error.
func recoverInto(err *error) {
	if p := recover(); p != nil {
		*err = strategy.NewPanicError(p)
	}
}

// faultsOf returns the faults of parameters, if the error is that.
func faultsOf(err error) (out []*pluginpb.OpenReply_Fault) {
	var faults param.Errors
	if !errors.As(err, &faults) {
		return nil
	}
	for _, f := range faults[:min(len(faults), maxFaults)] {
		out = append(out, &pluginpb.OpenReply_Fault{Name: cut(f.Name, wire.MaxName), Reason: cut(f.Reason, wire.MaxText)})
	}
	return out
}

// failure writes an error for the wire: what the host refuses to read, it must
// not be told.
func failure(err error) string {
	text := cut(err.Error(), wire.MaxText)
	if text == "" {
		return "an error without a text"
	}
	return text
}

// marketOf writes a market for the wire.
func marketOf(m exchange.Market) ([]byte, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("writing the market: %w", err)
	}
	return raw, nil
}

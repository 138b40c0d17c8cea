package lunosim

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// gatewayPage is what an edge server says when the one behind it fails.
const gatewayPage = `<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>simulated edge</center></body></html>
`

// strike carries a call out as a fault wants it.
func (s *Sim) strike(f Fault, w http.ResponseWriter, r route, c *call) {
	s.cfg.Log.Info("lunosim: a fault strikes", "fault", f.ID, "kind", f.Kind, "path", c.URL.Path)
	// What is carried out is so even if the caller has left.
	left := c.Context()
	s.calls.add(r.pattern, 0)
	c.Request = c.WithContext(context.WithoutCancel(left))
	run := func() (any, error) { return s.run(r, c) }
	switch f.Kind {
	case HangBefore:
		s.hang(left, f.Delay, f.Delay == 0)
		answer, err := run()
		s.write(w, r, answer, err)
	case HangAfter:
		_, _ = run() // nobody hears what came of it
		s.hang(left, f.Delay, true)
		reset(w)
	case BadGatewayAfter, BadGatewayBefore:
		if f.Kind == BadGatewayAfter {
			_, _ = run()
		}
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte(gatewayPage))
	case ResetAfter, ResetBefore:
		if f.Kind == ResetAfter {
			_, _ = run()
		}
		reset(w)
	case GarbageAfter, EmptyAfter:
		answer, err := run()
		if err != nil {
			s.write(w, r, answer, err)
			return
		}
		body, _ := json.Marshal(answer) // as write would
		if body = body[:len(body)/2]; f.Kind == EmptyAfter {
			body = []byte("{}")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	case TooManyRequests:
		s.write(w, r, nil, refuse("ErrTooManyRequests", "Too many requests"))
	default:
		s.write(w, r, nil, refuse(f.Code, "The simulator was told to refuse this"))
	}
}

// hang waits: for a time, if there is one, else for the caller to leave, or for
// whichever is first. The end of the simulator ends it.
func (s *Sim) hang(left context.Context, delay int64, forCaller bool) {
	var passed <-chan time.Time
	if delay > 0 {
		timer := time.NewTimer(time.Duration(delay) * time.Millisecond)
		defer timer.Stop()
		passed = timer.C
	}
	var gone <-chan struct{}
	if forCaller {
		gone = left.Done()
	}
	select {
	case <-passed:
	case <-gone:
	case <-s.sessions.ctx.Done():
	}
}

// reset breaks a call's connection, as abruptly as can be.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // which breaks it, too
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the caller would see an orderly end
	}
	_ = conn.Close()
}

// subject is what faults look at.
func (x *session) subject() subject { return subject{path: x.path, pair: x.pair, key: x.key} }

// deliver sends a message of a stream as the faults want it.
func (s *Sim) deliver(x *session, message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	fault, _ := s.faults.strike(streamFault, x.subject())
	switch fault.Kind {
	case StreamGap:
		return nil
	case StreamReorder:
		if x.held == nil {
			x.held = body
			return nil
		}
	case StreamDuplicate:
		if err := x.write(body); err != nil {
			return err
		}
	case StreamSilent:
		x.mute.Store(true)
		s.hang(x.ctx, fault.Delay, true)
		x.mute.Store(false)
	case StreamReset:
		if tcp, ok := x.conn.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // as in reset
		}
		x.stop()
		return x.ctx.Err()
	case StreamGarbage:
		body = body[:len(body)/2]
	default:
	}
	if err := x.write(body); err != nil || x.held == nil {
		return err
	}
	body, x.held = x.held, nil
	return x.write(body)
}

// fillFirst lets a part of an order be filled before it is stopped: somebody takes
// all that stands before it in the book, and that part.
func (s *Sim) fillFirst(ctx context.Context, d paper.Detail, percent int) error {
	if d.Status != exchange.Open {
		return nil
	}
	if percent == 0 {
		percent = 50
	}
	m := s.markets[d.Request.Pair]
	book, err := s.venue.Snapshot(ctx, m.Pair)
	if err != nil {
		return err
	}
	queue := book.Asks
	if d.Request.Side == exchange.Buy {
		queue = book.Bids
	}
	var volume exchange.Steps
	for _, o := range queue {
		if o.ID == d.ID {
			volume += max(1, o.Volume*exchange.Steps(percent)/100)
			break
		}
		volume += o.Volume
	}
	r := exchange.OrderRequest{
		Pair: m.Pair, Side: d.Request.Side.Opposite(), Type: exchange.LimitOrder, Price: d.Request.Price, Volume: max(volume, m.MinVolume),
		TimeInForce: exchange.IOC,
	}
	currency, needed := m.Base, m.Volume(r.Volume)
	if r.Side == exchange.Buy {
		currency, needed = m.Counter, m.Amount(2*r.Price.MustTimes(r.Volume)) // and the fee
	}
	if err := s.stranger.Deposit(currency, needed); err != nil {
		return err
	}
	_, err = s.stranger.Place(ctx, r)
	return err
}

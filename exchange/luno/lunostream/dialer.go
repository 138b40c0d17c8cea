package lunostream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/lunobot/lunobot/exchange/luno"
)

// DialerConfig says how Luno's streams are reached.
type DialerConfig struct {
	// BaseURL is the address. Defaults to luno.StreamAddress.
	BaseURL string
	// KeyID and Secret are an API key, which every stream needs; for market streams
	// one without any right to trade will do. Required.
	KeyID  string
	Secret luno.Secret
	// NetDial opens the connection beneath. Defaults to that of package net.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)
	// Ping is the time between two keep-alives of ours. Defaults to 15 s.
	Ping time.Duration
	// Silence is how long nothing may come, keep-alives included, before the
	// connection counts as dead. Luno sends some every 13.5 s. Defaults to 45 s.
	Silence time.Duration
}

// Dialer opens streams. It is safe for concurrent use.
type Dialer struct {
	// cfg is without the secret, which key and repeats alone have.
	cfg  DialerConfig
	base *url.URL
	ws   websocket.Dialer
	// key returns the first frame of a stream; repeats says whether a message has
	// the secret.
	key     func() ([]byte, error)
	repeats func(message []byte) bool
}

// NewDialer returns a dialer; the error names all that is wrong with cfg. It
// opens nothing.
func NewDialer(cfg DialerConfig) (*Dialer, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = luno.StreamAddress
	}
	if cfg.NetDial == nil {
		cfg.NetDial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	if cfg.Ping == 0 {
		cfg.Ping = 15 * time.Second
	}
	if cfg.Silence == 0 {
		cfg.Silence = 45 * time.Second
	}
	base, err := luno.CheckAddress(cfg.BaseURL, luno.StreamAddress, true)
	problems := []error{err}
	if cfg.KeyID == "" || cfg.Secret == "" {
		problems = append(problems, errors.New("luno stream: a stream needs the id and the secret of a key"))
	}
	if cfg.Ping < 0 || cfg.Silence <= cfg.Ping {
		problems = append(problems, errors.New("luno stream: Ping must be above 0 and Silence above Ping"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	d := &Dialer{base: base, ws: websocket.Dialer{
		NetDialContext: cfg.NetDial, Proxy: http.ProxyFromEnvironment, HandshakeTimeout: 15 * time.Second, ReadBufferSize: 1 << 16,
	}}
	d.key, d.repeats = signer(cfg.KeyID, cfg.Secret)
	cfg.Secret = ""
	d.cfg = cfg
	return d, nil
}

// signer returns what writes a key down and what finds it in a message.
func signer(id string, secret luno.Secret) (key func() ([]byte, error), repeats func([]byte) bool) {
	const shortest = 8 // what is shorter may be part of anything
	key = func() ([]byte, error) {
		return json.Marshal(map[string]string{"api_key_id": id, "api_key_secret": string(secret)})
	}
	repeats = func(message []byte) bool {
		seen := string(message)
		var values any
		if json.Unmarshal(message, &values) == nil { // with escapes resolved
			seen += fmt.Sprint(values)
		}
		return len(secret) >= shortest && strings.Contains(seen, string(secret))
	}
	return key, repeats
}

// open opens a stream and sends the key. The connection ends with ctx.
func (d *Dialer) open(ctx context.Context, path string) (*socket, error) {
	conn, answer, err := d.ws.DialContext(ctx, d.base.String()+path, http.Header{"User-Agent": {"lunobot"}}) //nolint:bodyclose // it has none
	if err != nil {
		if errors.Is(err, websocket.ErrBadHandshake) && answer != nil {
			return nil, fmt.Errorf("luno stream: the server answered %s", answer.Status)
		}
		return nil, fmt.Errorf("luno stream: Luno was not reached: %w", err)
	}
	s := newSocket(ctx, conn, d)
	key, err := d.key()
	if err == nil {
		err = s.send(key)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("luno stream: sending the key: %w", err)
	}
	return s, nil
}

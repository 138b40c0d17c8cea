package lunostream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
)

// A stream is alive as long as keep-alives come, and dead soon after the last.
func TestMarketSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, rand.New(rand.NewPCG(1, 1)))
		defer f.stop()
		m, err := f.dialer().Market(t.Context(), f.market)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		begun := time.Now()
		go func() {
			time.Sleep(10 * time.Minute)
			f.set(func() { f.mute = true })
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		defer context.AfterFunc(ctx, m.Close)()
		_, err = m.Next()
		var silent *lunostream.SilentError
		if lasted := time.Since(begun); !errors.As(err, &silent) || lasted < 10*time.Minute+30*time.Second || lasted > 10*time.Minute+45*time.Second {
			t.Errorf("after %s: %v", lasted, err)
		}
	})
}

// What Luno refuses is told as it says it, without the key.
func TestMarketRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pair, secret, code string
	}{
		"a wrong key":       {pair, "another-secret-half", "hidden"},
		"an unknown market": {"XBTABC", secret, "invalid_market"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, rand.New(rand.NewPCG(1, 1)))
				defer f.stop()
				d := f.dialer(func(c *lunostream.DialerConfig) { c.Secret = luno.Secret(test.secret) })
				m := f.market
				m.Pair = test.pair
				_, err := d.Market(t.Context(), m)
				var told *lunostream.RefusedError
				if !errors.As(err, &told) || told.Code != test.code {
					t.Fatalf("error %v", err)
				}
				if text := fmt.Sprintf("%v %+v %#v", err, err, told); strings.Contains(text, test.secret) {
					t.Errorf("the secret is written: %s", text)
				}
			})
		})
	}
}

// A server that is no stream is told by what it answers.
func TestMarketIsNoStream(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		serve http.HandlerFunc
		tells string
	}{
		"forbidden":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "403"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, "302"},
		"a page":     {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "200"},
	} {
		server := httptest.NewServer(test.serve)
		defer server.Close()
		d, err := lunostream.NewDialer(lunostream.DialerConfig{BaseURL: "ws" + server.URL[len("http"):], KeyID: keyID, Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Market(t.Context(), market(t)); err == nil || !strings.Contains(err.Error(), test.tells) {
			t.Errorf("%s: %v, want %s", name, err, test.tells)
		}
	}
}

// A key goes to Luno or to this machine, over a connection that nobody reads.
func TestDialerConfig(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cfg  lunostream.DialerConfig
		want string // "" if it is fine
	}{
		"the default":      {lunostream.DialerConfig{KeyID: keyID, Secret: secret}, ""},
		"this machine":     {lunostream.DialerConfig{BaseURL: "ws://127.0.0.1:1/sim", KeyID: keyID, Secret: secret}, ""},
		"elsewhere":        {lunostream.DialerConfig{BaseURL: "wss://ws.luno.com.example.com", KeyID: keyID, Secret: secret}, "to this machine only"},
		"in the open":      {lunostream.DialerConfig{BaseURL: "ws://ws.luno.com", KeyID: keyID, Secret: secret}, "wss://"},
		"another protocol": {lunostream.DialerConfig{BaseURL: "https://ws.luno.com", KeyID: keyID, Secret: secret}, "wss://"},
		"no key":           {lunostream.DialerConfig{}, "the id and the secret"},
		"no patience":      {lunostream.DialerConfig{KeyID: keyID, Secret: secret, Silence: time.Second}, "Silence above Ping"},
	} {
		d, err := lunostream.NewDialer(test.cfg)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		secretless(t, fmt.Sprintf("%v %+v %#v", err, test.cfg, test.cfg))
		if d != nil {
			secretless(t, fmt.Sprintf("%v %+v %#v %+v", d, d, d, *d))
		}
	}
	if _, err := lunostream.NewSource(lunostream.SourceConfig{Grace: -1}); err == nil ||
		!strings.Contains(err.Error(), "dialer") || !strings.Contains(err.Error(), "venue") || !strings.Contains(err.Error(), "times") {
		t.Errorf("source: %v", err)
	}
}

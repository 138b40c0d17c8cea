package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/web"
)

// connection is a writer that remembers the deadlines it is given.
type connection struct {
	*httptest.ResponseRecorder
	read, write []time.Time
}

// SetReadDeadline is what http.ResponseController calls.
func (c *connection) SetReadDeadline(t time.Time) error {
	c.read = append(c.read, t)
	return nil
}

// SetWriteDeadline is what http.ResponseController calls.
func (c *connection) SetWriteDeadline(t time.Time) error {
	c.write = append(c.write, t)
	return nil
}

// A form that trickles in and a reader that stands still give their connection
// up; a stream that is read has no end.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config()
	server := serve(t, cfg)
	ada := w.member(t, server, "ada@example.com")
	id := ada.newBot("First")
	pages, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	serve := func(r *http.Request) *connection {
		c := &connection{ResponseRecorder: httptest.NewRecorder()}
		pages.Handler().ServeHTTP(c, r)
		return c
	}
	form := url.Values{"email": {"ada@example.com"}, "password": {"correct horse battery"}}.Encode()
	r := httptest.NewRequest(http.MethodPost, "/signin", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	posted := serve(r)
	if posted.Code != http.StatusSeeOther || len(posted.read) != 2 || time.Until(posted.read[0]) > time.Minute || !posted.read[1].IsZero() {
		t.Errorf("a form: %d, read deadlines %v, want one soon and then none", posted.Code, posted.read)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r = httptest.NewRequestWithContext(ctx, http.MethodGet, "/bots/"+id+"/stream", nil)
	for _, cookie := range posted.Result().Cookies() {
		r.AddCookie(cookie)
	}
	stream := serve(r)
	if stream.Code != http.StatusOK || len(stream.read) != 0 || len(stream.write) == 0 {
		t.Fatalf("a stream: %d, read deadlines %v, write deadlines %v", stream.Code, stream.read, stream.write)
	}
	for _, deadline := range stream.write {
		if deadline.IsZero() || time.Until(deadline) > time.Minute {
			t.Errorf("a part of a stream may take until %v", deadline)
		}
	}
}

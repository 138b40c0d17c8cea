// Package saastest runs the server's program as an operator does and calls its API as
// tenants do, for tests.
//
// It owns the life of that process and the client. It does not own the program, which the
// test builds (package main of hosts/server), nor what is asked of it.
//
// Smallest use:
//
//	s := saastest.New(t, saastest.Config{Binary: path})
//	s.Start()
//	ada := s.Register("ada@example.com")
//	ada.Call(http.MethodGet, "/api/v1/strategies", nil, &list, http.StatusOK)
//	s.Kill()
package saastest

// Package saastest runs the programs of server and worker as an operator does and calls
// the API as tenants do, for tests.
//
// It owns the lives of these processes and the client. It does not own the programs, which
// the test builds (hosts/server, hosts/worker), nor what is asked of them.
//
// Smallest use:
//
//	s := saastest.New(t, saastest.Config{Binary: path})
//	s.Start()
//	ada := s.Register("ada@example.com")
//	ada.Call(http.MethodGet, "/api/v1/strategies", nil, &list, http.StatusOK)
//	s.Kill()
package saastest

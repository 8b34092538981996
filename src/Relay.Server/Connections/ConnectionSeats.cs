using Microsoft.Extensions.Options;
using Relay.Server.Limits;

namespace Relay.Server.Connections;

/// <summary>How many connections each address has on this node. Any thread.</summary>
internal sealed class ConnectionSeats(IOptions<ConnectionOptions> options)
{
    private readonly Dictionary<ClientAddress, (int All, int Unauthenticated)> _taken = [];

    /// <returns>For one connection, to be disposed at its end; null: the address has as many as it may.</returns>
    public Seat? Take(ClientAddress address, bool isAuthenticated)
    {
        lock (_taken)
        {
            var (all, unauthenticated) = _taken.GetValueOrDefault(address);
            if (all >= options.Value.MaxPerAddress || (!isAuthenticated && unauthenticated >= options.Value.MaxUnauthenticatedPerAddress))
            {
                return null;
            }

            _taken[address] = (all + 1, isAuthenticated ? unauthenticated : unauthenticated + 1);
            return new Seat(this, address, isAuthenticated);
        }
    }

    internal sealed class Seat(ConnectionSeats seats, ClientAddress address, bool isAuthenticated) : IDisposable
    {
        private bool _isAuthenticated = isAuthenticated;

        public void Authenticated() => Change(leaves: false);

        public void Dispose() => Change(leaves: true);

        private void Change(bool leaves)
        {
            lock (seats._taken)
            {
                var (all, unauthenticated) = seats._taken[address];
                unauthenticated -= _isAuthenticated ? 0 : 1;
                all -= leaves ? 1 : 0;
                _isAuthenticated = true;
                if (all == 0)
                {
                    seats._taken.Remove(address);
                }
                else
                {
                    seats._taken[address] = (all, unauthenticated);
                }
            }
        }
    }
}

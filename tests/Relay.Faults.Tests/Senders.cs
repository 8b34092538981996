using System.Globalization;
using System.Net;
using System.Text;
using Relay.Protocol;

namespace Relay.Faults.Tests;

/// <summary>
/// Posts without pause from several tasks, each event with its own number and spaces up to its size, until disposed. A refused one is not sent again.
/// </summary>
internal sealed class Senders : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _all;
    private int _last;

    public Senders(HttpClient http, RegisterResponse agent, Tally tally, int count = 16, int firstNumber = 1, int bodyBytes = 0)
    {
        _last = firstNumber - 1;
        _all = Task.WhenAll(Enumerable.Range(0, count).Select(_ => Task.Run(() => SendAsync(http, agent, tally, bodyBytes))));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _all;
        _stop.Dispose();
    }

    private async Task SendAsync(HttpClient http, RegisterResponse agent, Tally tally, int bodyBytes)
    {
        while (!_stop.IsCancellationRequested)
        {
            var number = Interlocked.Increment(ref _last);
            try
            {
                using var content = new ByteArrayContent(Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture).PadRight(bodyBytes)));
                using var response = await http.PostAsync(new Uri($"/api/v1/webhook/{agent.RelayId}", UriKind.Relative), content);
                if (response.IsSuccessStatusCode)
                {
                    tally.Accept(number);
                    continue;
                }

                Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            }
            catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
            {
            }

            tally.Refuse();
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }
}

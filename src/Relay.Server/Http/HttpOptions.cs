using Microsoft.Extensions.Options;

namespace Relay.Server.Http;

/// <summary><c>Relay:Http</c>.</summary>
internal sealed record HttpOptions
{
    public const string Section = "Relay:Http";

    /// <summary>Networks, such as <c>10.0.0.0/8</c>, or single addresses, whose <c>X-Forwarded-For</c>, <c>X-Forwarded-Proto</c> and <c>X-Request-Id</c> are believed.</summary>
    /// <value>None.</value>
    public IReadOnlyList<string> TrustedProxies { get; init; } = [];

    /// <summary>How long a request's headers may take to come.</summary>
    /// <value>10 s; from 1 s to 5 minutes.</value>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection may be idle between two requests.</summary>
    /// <value>2 minutes; from 1 s to 1 hour.</value>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How slowly a body may come, and an answer be read, after the first <see cref="SlowFor"/>.</summary>
    /// <value>240 bytes a second; 1 or more.</value>
    public double MinBytesPerSecond { get; init; } = 240;

    /// <summary>How long a body or an answer may be slower than <see cref="MinBytesPerSecond"/>.</summary>
    /// <value>5 s; more than 1 s, up to 5 minutes.</value>
    public TimeSpan SlowFor { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The largest request line: method, path and query.</summary>
    /// <value>8 KiB; from 1 KiB to 64 KiB.</value>
    public int MaxRequestLineBytes { get; init; } = 8 << 10;

    /// <summary>The most that a request's headers may have together.</summary>
    /// <value>32 KiB; from 1 KiB to 256 KiB.</value>
    public int MaxHeaderBytes { get; init; } = 32 << 10;

    /// <summary>The most headers that a request may have.</summary>
    /// <value>100; from 10 to 1000.</value>
    public int MaxHeaders { get; init; } = 100;
}

internal sealed class HttpOptionsValidator : IValidateOptions<HttpOptions>
{
    public ValidateOptionsResult Validate(string? name, HttpOptions options)
    {
        List<string> faults = [];
        for (var i = 0; i < options.TrustedProxies.Count; i++)
        {
            if (TrustedProxies.TryParse(options.TrustedProxies[i]) is null)
            {
                faults.Add($"{HttpOptions.Section}:TrustedProxies:{i} is not a network such as 10.0.0.0/8, nor an address.");
            }
        }

        Check(options.HeadersTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5), nameof(options.HeadersTimeout));
        Check(options.KeepAliveTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), nameof(options.KeepAliveTimeout));
        Check(options.MinBytesPerSecond, 1, double.MaxValue, nameof(options.MinBytesPerSecond));
        Check(options.SlowFor, TimeSpan.FromSeconds(1.1), TimeSpan.FromMinutes(5), nameof(options.SlowFor));
        Check(options.MaxRequestLineBytes, 1 << 10, 64 << 10, nameof(options.MaxRequestLineBytes));
        Check(options.MaxHeaderBytes, 1 << 10, 256 << 10, nameof(options.MaxHeaderBytes));
        Check(options.MaxHeaders, 10, 1000, nameof(options.MaxHeaders));
        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;

        void Check<T>(T value, T least, T most, string property)
            where T : IComparable<T>
        {
            if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
            {
                faults.Add($"{HttpOptions.Section}:{property} must be from {least} to {most}.");
            }
        }
    }
}

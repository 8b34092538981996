using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace Relay.Server.Http;

internal static class HttpServices
{
    /// <summary>What every request and answer has in common.</summary>
    public static IServiceCollection AddHttp(this IServiceCollection services)
    {
        services.AddOptions<HttpOptions>().BindConfiguration(HttpOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<HttpOptions>, HttpOptionsValidator>();
        services.AddSingleton<IConfigureOptions<KestrelServerOptions>, KestrelLimits>();
        services.AddOptions<TlsOptions>().BindConfiguration(TlsOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<TlsOptions>, TlsOptionsValidator>();
        services.AddSingleton<IConfigureOptions<KestrelServerOptions>, KestrelTls>();
        services.AddSingleton<CertificateFiles>();
        services.AddSingleton<TrustedProxies>();
        services.AddErrorHandling();
        return services;
    }
}

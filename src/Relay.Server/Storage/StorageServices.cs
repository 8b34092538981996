using Microsoft.Extensions.Options;
using Relay.Server.Storage.Embedded;
using Relay.Server.Storage.Redis;

namespace Relay.Server.Storage;

internal static class StorageServices
{
    /// <summary>Registers the store that the configuration names.</summary>
    public static IServiceCollection AddStorage(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<StorageOptions>().BindConfiguration(StorageOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<StorageOptions>, StorageOptionsValidator>();
        return configuration[$"{StorageOptions.Section}:Kind"] == StorageOptions.RedisKind
            ? services.AddRedisStore()
            : services.AddEmbeddedStore();
    }
}
